/** Logging in with more or less than a passphrase: mailed codes, links, and codes of the operator. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { SMTPServer } from 'smtp-server'
import { startServer, type TestServer } from '../../support/server.ts'
import { hiddenFields, openBrowser } from './browser.ts'

const passphrase = 'several good words'
let server: TestServer
let sink: SMTPServer
const mails: string[] = []

const admin = (method: string, path: string) =>
  server.fetch(`${server.adminUrl}${path}`, {
    method,
    headers: { authorization: `Basic ${btoa(`admin:${server.passphrase}`)}` },
  })

async function create(domain: string, more: Record<string, string> = {}): Promise<void> {
  const query = new URLSearchParams({ Domain: domain, Passphrase: passphrase, Email: 'owner@mail.test', ...more })
  expect((await admin('POST', `/instances?${query}`)).status).toBe(201)
}

async function code(domain: string, kind: string): Promise<string> {
  const answer = (await (await admin('POST', `/instances/${domain}/${kind}`)).json()) as Record<string, string>
  return Object.values(answer)[0] ?? ''
}

beforeAll(async () => {
  sink = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, _session, done) {
      let text = ''
      stream.on('data', (chunk) => {
        text += chunk
      })
      stream.on('end', () => {
        mails.push(text)
        done()
      })
    },
  })
  const port = await new Promise<number>((resolve) => {
    const listening = sink.listen(0, '127.0.0.1', () => {
      const address = listening.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
  const env = { HEARTH_MAIL_HOST: '127.0.0.1', HEARTH_MAIL_PORT: String(port), HEARTH_MAIL_DISABLE_TLS: 'true' }
  server = await startServer({ env })
}, 60_000)
afterAll(async () => {
  await server?.stop()
  sink?.close()
})

describe('two factors', () => {
  test('the passphrase alone opens nothing, the mailed code does, once and after few tries', async () => {
    const domain = 'two.codes.test'
    await create(domain, { AuthMode: 'two_factor_mail' })
    const browser = openBrowser(server, domain)
    const asked = await browser.submit('/auth/login', { password: passphrase })
    expect(asked.location).toStartWith('/auth/twofactor?two_factor_token=')
    expect(browser.cookies.has('hearth-session')).toBe(false)
    const passcode = /\b(\d{6})\b/.exec(/^Subject: (.*)$/m.exec(mails.at(-1) ?? '')?.[1] ?? '')?.[1] ?? ''
    expect(passcode).toHaveLength(6)
    expect(server.output.stderr + server.output.stdout).not.toContain(passcode)
    const other = passcode === '000000' ? '000001' : '000000'
    expect((await browser.submit(asked.location, { 'two-factor-passcode': other })).status).toBe(401)
    const right = await browser.submit(asked.location, {
      'two-factor-passcode': `${passcode.slice(0, 3)} ${passcode.slice(3)}`,
    })
    expect([right.status, right.location]).toEqual([303, '/'])
    expect(browser.cookies.has('hearth-session')).toBe(true)
    const again = openBrowser(server, domain)
    expect((await again.submit(asked.location, { 'two-factor-passcode': passcode })).status).toBe(401)
    const tries = []
    for (let n = 0; n < 5; n++)
      tries.push((await again.submit(asked.location, { 'two-factor-passcode': other })).status)
    expect(tries.at(-1)).toBe(429)
  })

  test('a code of the operator takes the place of the mail, not of the passphrase', async () => {
    const domain = 'verified.codes.test'
    await create(domain, { AuthMode: 'two_factor_mail' })
    const path = `/auth/login?email_verified_code=${await code(domain, 'email_verified_code')}`
    const before = mails.length
    const browser = openBrowser(server, domain)
    expect((await browser.submit(path, { password: 'wrong' })).status).toBe(401)
    expect((await browser.submit(path, { password: passphrase })).location).toBe('/')
    expect(mails.length).toBe(before)
    await create('plain.codes.test')
    expect((await admin('POST', '/instances/plain.codes.test/email_verified_code')).status).toBe(400)
  })
})

describe('links and codes', () => {
  test('a magic link logs in once, on its own instance', async () => {
    const [domain, other] = ['link.codes.test', 'other.codes.test']
    for (const name of [domain, other]) await create(name, { MagicLink: 'true' })
    const path = `/auth/magic_link?code=${await code(domain, 'magic_link')}&redirect=/files/x`
    expect((await openBrowser(server, other).get(path)).status).toBe(400)
    const browser = openBrowser(server, domain)
    const entered = await browser.get(path)
    expect([entered.status, entered.location]).toEqual([303, '/files/x'])
    expect((await browser.get('/')).text).toContain(domain)
    expect((await openBrowser(server, domain).get(path)).status).toBe(400)
  })

  test('with two factors a magic link asks for the passphrase instead of mailing a code', async () => {
    const domain = 'linked.codes.test'
    await create(domain, { MagicLink: 'true', AuthMode: 'two_factor_mail' })
    const path = `/auth/magic_link?code=${await code(domain, 'magic_link')}`
    const browser = openBrowser(server, domain)
    expect((await browser.submit(path, { password: passphrase })).location).toBe('/')
    expect((await openBrowser(server, domain).get(path)).status).toBe(400)
  })

  test('a session code logs in on the way to the page where a client asks', async () => {
    const domain = 'session.codes.test'
    await create(domain)
    const registered = await server.fetch('/auth/register', {
      method: 'POST',
      headers: { host: domain, 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris: ['http://a.test/'], client_name: 'x', software_id: 'y' }),
    })
    const { client_id } = (await registered.json()) as { client_id: string }
    const query = new URLSearchParams({ client_id, redirect_uri: 'http://a.test/', state: 's', scope: 'io.cozy.notes' })
    const browser = openBrowser(server, domain)
    const entered = await browser.get(`/auth/authorize?${query}&session_code=${await code(domain, 'session_code')}`)
    expect(entered.status).toBe(303)
    expect(entered.location).not.toContain('session_code')
    expect((await browser.get(entered.location)).text).toContain('io.cozy.notes')
  })

  test('a forgotten passphrase is replaced by a mailed link, which ends all sessions', async () => {
    const domain = 'forgotten.codes.test'
    await create(domain)
    const old = openBrowser(server, domain)
    await old.submit('/auth/login', { password: passphrase })
    const browser = openBrowser(server, domain)
    expect((await browser.submit('/auth/passphrase_reset', {})).status).toBe(200)
    const text = (mails.at(-1) ?? '').replaceAll('=\r\n', '').replaceAll('=3D', '=')
    const path = /http:\/\/forgotten\.codes\.test(\/auth\/passphrase_renew\?token=\w+)/.exec(text)?.[1] ?? ''
    const renewed = await browser.submit(path, { new_password: 'another passphrase', again: 'another passphrase' })
    expect([renewed.status, renewed.location]).toEqual([303, '/'])
    expect((await old.get('/')).text).toContain('href="/auth/login"')
    expect((await openBrowser(server, domain).submit('/auth/login', { password: passphrase })).status).toBe(401)
    expect((await openBrowser(server, domain).submit('/auth/login', { password: 'another passphrase' })).status).toBe(
      303,
    )
    expect((await browser.get(path)).status).toBe(400)
    expect(hiddenFields((await browser.get('/auth/passphrase_reset')).text)).toHaveProperty('csrf_token')
  })
})
