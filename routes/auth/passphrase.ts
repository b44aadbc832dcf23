/** Choosing a passphrase: on the first visit, and after it was forgotten. */

import { timingSafeEqual } from 'node:crypto'
import { z } from '@hono/zod-openapi'
import type { Instance } from '../../src/instances/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { type HttpContext, header } from '../http/router.ts'
import { checkForm, guardForm, type Visit, visitOf } from './access.ts'
import { html, redirect } from './answer.ts'
import { cookie } from './cookies.ts'
import { newSession } from './login.ts'
import { messagePage } from './pages/message.tsx'
import { askResetPage, choosePassphrasePage } from './pages/passphrase.tsx'
import { textsFor } from './pages/texts.ts'
import { readFields } from './request.ts'
import type { AuthServices } from './services.ts'

const tag = 'sign in'
const leastLength = 8
const media = 'application/x-www-form-urlencoded'
const chosen = { new_password: z.string(), again: z.string(), csrf_token: z.string() }

export function passphraseRoutes(face: Face, services: AuthServices): void {
  const { auth, instances, mail } = services

  endpoint(
    face,
    {
      method: 'GET',
      path: '/auth/passphrase',
      tag,
      summary: 'The form for the first passphrase',
      query: z.object({ registerToken: z.string().optional().describe('Of the instance, in hex') }),
      answers: { 200: 'A page', 303: 'There is a passphrase already', 400: 'The link is not valid' },
    },
    async (c, { query }) => {
      const visit = await visitOf(c, services)
      if (visit.instance.document['passphrase_hash'] !== undefined) return redirect('/auth/login')
      const token = query.registerToken ?? ''
      if (!isRegisterToken(visit.instance, token)) return showOver(c, visit)
      return showChoice(c, visit, 'first', { registerToken: token })
    },
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: '/auth/passphrase',
      tag,
      summary: 'Set the first passphrase and log in',
      body: z.object({ registerToken: z.string(), ...chosen }),
      bodyMedia: media,
      answers: {
        303: 'Logged in',
        400: 'The link is not valid',
        409: 'Somebody else used the link at the same time',
        422: 'The passphrase is too short or not the same twice',
      },
    },
    async (c) => {
      const visit = await visitOf(c, services)
      const fields = await readFields(c)
      checkForm(c, visit, fields['csrf_token'])
      const token = fields['registerToken'] ?? ''
      if (!isRegisterToken(visit.instance, token)) return showOver(c, visit)
      const wrong = wrongChoice(c, visit, fields)
      if (wrong !== undefined) return showChoice(c, visit, 'first', { registerToken: token }, wrong)
      return choose(visit, fields['new_password'] ?? '', String(visit.instance.document['register_token']))
    },
  )

  endpoint(
    face,
    {
      method: 'GET',
      path: '/auth/passphrase_reset',
      tag,
      summary: 'Asks whether a link for a new passphrase is wanted',
      answers: { 200: 'A page' },
    },
    async (c) => {
      const visit = await visitOf(c, services)
      const guard = guardForm(c, visit)
      const texts = textsFor(visit.instance, header(c, 'accept-language'))
      const page = askResetPage({ texts, domain: visit.instance.domain, guard: guard.token })
      return html(page, { cookies: [guard.setCookie] })
    },
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: '/auth/passphrase_reset',
      tag,
      summary: 'Mail the owner a link for a new passphrase',
      body: z.object({ csrf_token: z.string() }),
      bodyMedia: media,
      answers: { 200: 'The same page whether there is a mail address or not', 429: 'Too many mails' },
    },
    async (c) => {
      const visit = await visitOf(c, services)
      checkForm(c, visit, (await readFields(c))['csrf_token'])
      const { instance } = visit
      await auth.limits.count({ limit: 'mail', key: `reset ${instance.prefix}` })
      const { email } = await instances.settingsOf(instance)
      if (typeof email === 'string' && email !== '') {
        const token = await auth.codes.issue(instance.prefix, 'passphrase_reset', { rev: hashNow(instance) })
        // The instance's own domain: the request's header must not decide where the link leads.
        const link = `${visit.client.isSecure ? 'https' : 'http'}://${instance.domain}/auth/passphrase_renew?token=${token}`
        await mail(instance, { kind: 'passphrase_reset', link })
      }
      const texts = textsFor(instance, header(c, 'accept-language'))
      return html(messagePage({ texts, title: texts.resetTitle, text: texts.resetSent }))
    },
  )

  endpoint(
    face,
    {
      method: 'GET',
      path: '/auth/passphrase_renew',
      tag,
      summary: 'The form for a new passphrase, from the mailed link',
      query: z.object({ token: z.string().optional() }),
      answers: { 200: 'A page', 400: 'The link is not valid any more' },
    },
    async (c, { query }) => {
      const visit = await visitOf(c, services)
      const token = query.token ?? ''
      const value = await auth.codes.read(visit.instance.prefix, 'passphrase_reset', token)
      if (value?.['rev'] !== hashNow(visit.instance)) return showOver(c, visit)
      return showChoice(c, visit, 'renew', { token })
    },
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: '/auth/passphrase_renew',
      tag,
      summary: 'Set a new passphrase, end all sessions and log in',
      body: z.object({ token: z.string(), ...chosen }),
      bodyMedia: media,
      answers: {
        303: 'Logged in',
        400: 'The link is not valid',
        422: 'The passphrase is too short or not the same twice',
      },
    },
    async (c) => {
      const visit = await visitOf(c, services)
      const fields = await readFields(c)
      checkForm(c, visit, fields['csrf_token'])
      const token = fields['token'] ?? ''
      const wrong = wrongChoice(c, visit, fields)
      if (wrong !== undefined) return showChoice(c, visit, 'renew', { token }, wrong)
      const value = await auth.codes.spend(visit.instance.prefix, 'passphrase_reset', token)
      if (value?.['rev'] !== hashNow(visit.instance)) return showOver(c, visit)
      return choose(visit, fields['new_password'] ?? '')
    },
  )

  async function choose(visit: Visit, passphrase: string, registerToken?: string): Promise<Response> {
    const instance = await instances.setPassphrase(visit.instance.domain, { passphrase, registerToken })
    await auth.sessions.closeAll(instance)
    const value = await auth.sessions.open(instance, newSession(visit))
    return redirect('/', { cookies: [cookie('hearth-session', value, { ...visit.client, keep: true })] })
  }
}

/** A link is for the passphrase that was forgotten, not for one that has been set since. */
function hashNow({ document }: Instance): string {
  return String(document['passphrase_hash'] ?? '').slice(-12)
}

function isRegisterToken({ document }: Instance, hex: string): boolean {
  const kept = Buffer.from(String(document['register_token'] ?? ''), 'base64')
  const presented = Buffer.from(hex, 'hex')
  return kept.length > 0 && kept.length === presented.length && timingSafeEqual(kept, presented)
}

function wrongChoice(c: HttpContext, { instance }: Visit, fields: Readonly<Record<string, string>>) {
  const texts = textsFor(instance, header(c, 'accept-language'))
  const passphrase = fields['new_password'] ?? ''
  if (passphrase.length > 1024) throw new Problem('bad_request', 'A passphrase has at most 1,024 characters.')
  if ([...passphrase].length < leastLength) return texts.passphraseTooShort
  return passphrase === fields['again'] ? undefined : texts.passphrasesDiffer
}

function showChoice(
  c: HttpContext,
  visit: Visit,
  what: 'first' | 'renew',
  fields: Readonly<Record<string, string>>,
  error?: string,
): Response {
  const texts = textsFor(visit.instance, header(c, 'accept-language'))
  const guard = guardForm(c, visit)
  const page = choosePassphrasePage({
    texts,
    title: what === 'first' ? texts.welcome : texts.resetTitle,
    ...(what === 'first' ? { text: texts.welcomeText } : {}),
    domain: visit.instance.domain,
    guard: guard.token,
    action: what === 'first' ? '/auth/passphrase' : '/auth/passphrase_renew',
    fields,
    error,
  })
  return html(page, { status: error === undefined ? 200 : 422, cookies: [guard.setCookie] })
}

function showOver(c: HttpContext, { instance }: Visit): Response {
  const texts = textsFor(instance, header(c, 'accept-language'))
  const link = { href: '/auth/login', label: texts.logIn }
  return html(messagePage({ texts, title: texts.error, text: texts.linkOver, link }), { status: 400 })
}
