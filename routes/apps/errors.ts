/** The error bodies of applications: JSON-API. */
import { STATUS_CODES } from 'node:http'
import type { Problem } from '../../src/model/errors.ts'

export function errorBody({ status, reason, source }: Problem): object {
  return { errors: [{ status: `${status}`, title: STATUS_CODES[status], detail: reason, source: source ?? {} }] }
}
