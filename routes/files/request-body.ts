/** JSON-API request bodies. Their Content-Type is not looked at. */
import { Problem } from '../../src/model/errors.ts'
import { isObject, type Json, type JsonObject } from '../../src/model/json/value.ts'
import { readOptionalJson } from '../http/body.ts'
import type { HttpContext } from '../http/router.ts'
import { badBody } from './errors.ts'
import type { FilesServices } from './services.ts'

/** The body as a JSON object. Throws 400, or 413 above the limit. */
export async function readObject(c: HttpContext, limits: Pick<FilesServices, 'maxJsonBytes'>): Promise<JsonObject> {
  const body = await read(c, limits)
  if (body === undefined) throw badBody()
  return body
}

/** The same for a body that may be left out: an empty object then. */
export async function readOptionalObject(
  c: HttpContext,
  limits: Pick<FilesServices, 'maxJsonBytes'>,
): Promise<JsonObject> {
  return (await read(c, limits)) ?? {}
}

async function read(c: HttpContext, { maxJsonBytes }: Pick<FilesServices, 'maxJsonBytes'>) {
  try {
    const body = await readOptionalJson(c, { maxBytes: maxJsonBytes })
    if (body === undefined) return undefined
    if (isObject(body.value)) return body.value
  } catch (error) {
    // One wording for everything that is not a JSON object.
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
