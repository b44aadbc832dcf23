/** The error bodies of the realtime routes: JSON-API. */
import { STATUS_CODES } from 'node:http'
import type { Problem } from '../../src/model/errors.ts'

export function errorBody({ status, reason }: Problem): object {
  return { errors: [{ status: `${status}`, title: STATUS_CODES[status], detail: reason, source: {} }] }
}
