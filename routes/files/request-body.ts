/** JSON-API request bodies. Their Content-Type is not looked at (documents 0.6). */
import { Problem } from '../../src/model/errors.ts'
import { isObject, type Json, type JsonObject } from '../../src/model/json/value.ts'
import { readJson } from '../http/body.ts'
import type { HttpContext } from '../http/router.ts'
import { badBody } from './errors.ts'
import type { FilesServices } from './services.ts'

/** The body as a JSON object. Throws 400 in the words of files 5.1, or 413. */
export async function readObject(
  c: HttpContext,
  { maxJsonBytes }: Pick<FilesServices, 'maxJsonBytes'>,
): Promise<JsonObject> {
  try {
    const { value } = await readJson(c, { maxBytes: maxJsonBytes })
    if (isObject(value)) return value
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 400) throw error
  }
  throw badBody()
}

/** The body's `data`, which has to be there. */
export async function readData(c: HttpContext, limits: Pick<FilesServices, 'maxJsonBytes'>): Promise<Json> {
  const { data } = await readObject(c, limits)
  if (data === undefined || data === null) throw badBody()
  return data
}
