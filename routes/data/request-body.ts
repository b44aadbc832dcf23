import { Problem } from '../../src/errors.ts'
import type { ParsedJson } from '../../src/json/exact.ts'
import { readJson } from '../http/body.ts'
import type { HttpContext } from '../http/router.ts'
import type { DataLimits } from './dependencies.ts'
import { requestProblem } from './errors.ts'

/** Reads a JSON body; what is no JSON is an E3 (documents 0.6). */
export async function readBody(c: HttpContext, limits: DataLimits): Promise<ParsedJson> {
  try {
    return await readJson(c, { maxBytes: limits.maxRequestBytes })
  } catch (error) {
    if (error instanceof Problem && error.code === 'bad_request') throw requestProblem(error.reason)
    throw error
  }
}
