/** Writes into the log that it ran: the smallest job there is, for trying out triggers. What it was given is not logged. */
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
