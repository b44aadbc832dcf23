/** Workers that run the code of applications. They are not supported here: no such application is ever installed. */
import { JobFailure, type Worker } from '../service.ts'

export const applicationWorkers: readonly Worker[] = ['service', 'konnector'].map((name) => ({
  name,
  async run() {
    throw new JobFailure('Application is not installed', { final: true })
  },
}))
