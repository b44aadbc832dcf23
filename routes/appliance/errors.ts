/** The bodies of failures: `Status` first, then what is wrong, then whether the first token is still to be set. */

import { BusyProblem } from '../../src/appliance/procedures.ts'
import type { Problem } from '../../src/model/errors.ts'

const reasons: Readonly<Record<number, string>> = {
  200: 'OK',
  202: 'Accepted',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  413: 'Payload Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
  507: 'Insufficient Storage',
}

/** `400 Bad Request` and the like. */
export function statusText(status: number): string {
  return `${status} ${reasons[status] ?? 'Error'}`
}

/** Renders failures. `firstRun` says whether first runs are configured, and if so whether one is pending. */
export function newErrorBody(firstRun: () => boolean | undefined): (problem: Problem) => object {
  return (problem) => {
    const message = messageOf(problem)
    const pending = message === undefined ? undefined : firstRun()
    return {
      Status: statusText(problem.status),
      ...(message !== undefined && { 'Error-Message': message }),
      ...(pending !== undefined && { 'First-Run': pending }),
      ...(problem instanceof BusyProblem &&
        problem.procedureCode !== undefined && { 'error-code': problem.procedureCode }),
    }
  }
}

/** The message of a failure; what does not exist is not explained. */
export function messageOf({ status, reason }: Problem): string | undefined {
  return status === 404 || reason === '' ? undefined : reason
}

/** A text as the value of a header: printable ASCII on one line. */
export function headerText(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 1_000)
}
