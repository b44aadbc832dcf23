/** Workers that run the code of applications. None is run here: there is never one that is installed. */
import { JobFailure, type Worker } from '../service.ts'

export const applicationWorkers: readonly Worker[] = ['service', 'konnector'].map((name) => ({
  name,
  async run() {
    throw new JobFailure('Application is not installed', { final: true })
  },
}))
