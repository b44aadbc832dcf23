/** How failures look at the door: a page for people, `{"error": ...}` for clients. */
import { Problem } from '../../src/errors.ts'
import type { Log } from '../../src/log.ts'
import { type HttpContext, header } from '../http/router.ts'
import { logFailure } from '../observe.ts'
import { html, json } from './answer.ts'
import { messagePage } from './pages/message.tsx'
import { textsFor } from './pages/texts.ts'

/** Renders failures as the client reads them. */
export function authErrors(log: Log): (error: unknown, c: HttpContext) => Response {
  return (error, c) => {
    if (!(error instanceof Problem) || error.status >= 500) logFailure(log, c, error)
    const status = error instanceof Problem ? error.status : 500
    const reason = error instanceof Problem ? error.reason : 'The server failed; its log says why.'
    const headers = error instanceof Problem ? error.headers : {}
    if (!(header(c, 'accept') ?? '').includes('text/html')) return json(status, { error: reason }, { headers })
    const texts = textsFor(undefined, header(c, 'accept-language'))
    const title = status === 404 ? texts.notFound : texts.error
    return html(messagePage({ texts, title, text: reason }), { status, headers })
  }
}
