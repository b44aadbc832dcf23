/** Logs that it ran: the smallest possible job, for trying out triggers. Its message is not logged. */
import { JobFailure, type Worker } from '../service.ts'

export const logWorker: Worker = {
  name: 'log',
  concurrency: 16,
  async run({ message, log }) {
    if (message !== null && typeof message !== 'string') {
      throw new JobFailure('jobs: message unmarshal')
    }
    log.info('job of the log worker')
  },
}
