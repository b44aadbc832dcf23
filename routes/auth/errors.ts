/** How failures of login and OAuth look: a page for users, `{"error": ...}` for clients. */
import type { Problem } from '../../src/model/errors.ts'
import { ErrorText } from '../http/errors.ts'
import { type HttpContext, header } from '../http/router.ts'
import { pageText } from './answer.ts'
import { messagePage } from './pages/message.tsx'
import { textsFor } from './pages/texts.ts'

/** As the client reads it. */
export function errorBody({ status, reason }: Problem, c: HttpContext): unknown {
  if (!(header(c, 'accept') ?? '').includes('text/html')) return { error: reason }
  const texts = textsFor(undefined, header(c, 'accept-language'))
  const title = status === 404 ? texts.notFound : texts.error
  return new ErrorText('text/html; charset=utf-8', pageText(messagePage({ texts, title, text: reason })))
}
