import { Problem } from '../../src/errors.ts'
import { type HttpContext, header } from '../http/router.ts'
import { words } from './errors.ts'

/** 415 where CouchDB takes nothing but `Content-Type: application/json` (parameters may follow). */
export function requireJson(c: HttpContext): void {
  const type = header(c, 'content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/json') throw new Problem('bad_content_type', words.contentType)
}
