/** The request for a move, and the mailed link that confirms it. */
import { z } from '@hono/zod-openapi'
import { Problem } from '../../src/model/errors.ts'
import { type RequestFields, requestFields } from '../../src/move/requests.ts'
import { loginLocation, visitOf } from '../auth/access.ts'
import { html, redirect } from '../auth/answer.ts'
import { errorBody as pageError } from '../auth/errors.ts'
import { messagePage } from '../auth/pages/message.tsx'
import { textsFor } from '../auth/pages/texts.ts'
import { readFields } from '../auth/request.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { textParameter } from '../http/parameters.ts'
import { header } from '../http/router.ts'
import { instanceOf } from '../http/tenant.ts'
import type { MoveServices } from './services.ts'

export function confirmRoutes(jsonFace: Face, services: MoveServices): void {
  const { moves, instances, clientOf } = services
  const face = jsonFace.withErrorBody(pageError)

  endpoint(
    face,
    {
      method: 'POST',
      path: '/move/request',
      summary: 'Ask for a move in the name of the owner, who gets a mail with a link that confirms it',
      tag: 'move',
      body: z.object({
        code: z.string().optional().describe('Or token, client_id and client_secret'),
        token: z.string().optional(),
        client_id: z.string().optional(),
        client_secret: z.string().optional(),
        target_url: z.string().describe('Address of the instance to move to'),
        target_token: z.string().describe('Lets this server speak to it'),
        target_client_id: z.string(),
        target_client_secret: z.string(),
        ignore_vault: z.string().optional().describe('Anything: the vault is not brought over'),
      }),
      bodyMedia: 'application/x-www-form-urlencoded',
      answers: { 200: 'A page: the mail is on its way', 400: 'What is wrong', 429: 'Too many mails' },
    },
    async (c) => {
      const instance = await instanceOf(c, instances)
      const fields = await readFields(c)
      const request = Object.fromEntries(requestFields.map((name) => [name, fields[name] ?? ''])) as RequestFields
      const mail = await moves.requests.request(instance, request, clientOf(c).isSecure)
      const texts = textsFor(instance, header(c, 'accept-language'))
      return html(messagePage({ texts, title: texts.moveConfirm, text: texts.moveConfirmText(mail) }))
    },
  )

  endpoint(
    face,
    {
      method: 'GET',
      path: '/move/go',
      summary: 'The mailed link: begin the move',
      tag: 'move',
      query: z.object({ secret: textParameter().describe('From the mail; good for half an hour, once') }),
      answers: {
        303: 'To the page of the other server that waits for the end; a browser without session to the login',
        400: 'The link is not good, or the other server does not take part',
        401: 'Nobody is logged in',
      },
    },
    async (c, { query }) => {
      const visit = await visitOf(c, services)
      if (visit.session === undefined) {
        if ((header(c, 'accept') ?? '').includes('text/html')) return redirect(loginLocation(c))
        throw new Problem('unauthorized', 'You must be authenticated')
      }
      const { instance, client } = visit
      const secret = query.secret ?? ''
      const move = await moves.requests.confirm(instance, secret)
      const outcome = await moves.source.start(instance, { ...move, secure: client.isSecure })
      if (outcome === 'busy') throw new Problem('bad_request', 'This instance is being moved, or has moved.')
      if (outcome === 'unreachable') {
        await moves.requests.restore(instance, secret, move)
        throw new Problem('bad_request', 'Cannot reach the other Cozy')
      }
      return redirect(`${move.target}/move/importing`)
    },
  )
}
