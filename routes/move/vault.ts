/** `GET /move/vault`: what the owner has to do about passwords after a move. Logins lead here once. */
import { visitOf } from '../auth/access.ts'
import { html, redirect } from '../auth/answer.ts'
import { errorBody as pageError } from '../auth/errors.ts'
import { messagePage } from '../auth/pages/message.tsx'
import { textsFor } from '../auth/pages/texts.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { header } from '../http/router.ts'
import type { MoveServices } from './services.ts'

export function vaultRoute(jsonFace: Face, services: MoveServices): void {
  endpoint(
    jsonFace.withErrorBody(pageError),
    {
      method: 'GET',
      path: '/move/vault',
      summary: 'How to bring the content of the vault over after a move',
      tag: 'move',
      answers: { 200: 'A page', 303: 'Nobody is logged in' },
    },
    async (c) => {
      const visit = await visitOf(c, services)
      if (visit.session === undefined) {
        const own = `${visit.client.isSecure ? 'https' : 'http'}://${visit.host}`
        return redirect(`${own}/auth/login?redirect=${encodeURIComponent(`${own}/move/vault`)}`)
      }
      await services.ownerSettings(visit.instance, { import_vault: undefined })
      const texts = textsFor(visit.instance, header(c, 'accept-language'))
      return html(
        messagePage({ texts, title: texts.vault, text: texts.vaultText, link: { href: '/', label: texts.goOn } }),
      )
    },
  )
}
