/** Two servers and a mail server, and what a wizard and an owner do between them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { SMTPServer } from 'smtp-server'
import { startServer, type TestServer } from '../../support/server.ts'

/** A server behind an address that stays the same when it is started again. */
export interface Place {
  /** Its instances are at `127.0.0.N:PORT`: every such address leads to this machine. */
  readonly port: number
  readonly server: TestServer
  /** Ends the process where it reaches this place next; `undefined`: nowhere. */
  failAt(place: string | undefined): void
  /** Resolves when the process has ended by itself. */
  died(): Promise<void>
  restart(): Promise<void>
  close(): Promise<void>
}

export interface Mailbox {
  readonly port: number
  /** The first mail to this address that fits and was not given yet. */
  next(to: string, pattern: RegExp): Promise<string>
  /** Mails to this address so far. */
  all(to: string): readonly string[]
  close(): void
}

/** Looks until there is something; generously, since machines are slow. */
export async function until<T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadline = Date.now() + 90_000
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > deadline) throw new Error(`it did not happen: ${what}`)
    await sleep(50)
  }
}

export async function openMailbox(): Promise<Mailbox> {
  const mails: { readonly to: string; readonly text: string; isTaken: boolean }[] = []
  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, { envelope }, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8').replaceAll('=\r\n', '').replaceAll('=3D', '=')
        mails.push({ to: envelope.rcptTo[0]?.address ?? '', text, isTaken: false })
        done()
      })
    },
  })
  smtp.on('error', () => {})
  await new Promise<void>((done) => smtp.listen(0, '127.0.0.1', done))
  return {
    port: (smtp.server.address() as AddressInfo).port,
    next: (to, pattern) =>
      until(`a mail to ${to} with ${pattern}`, () => {
        const mail = mails.find((one) => !one.isTaken && one.to === to && pattern.test(one.text))
        if (mail !== undefined) mail.isTaken = true
        return mail?.text
      }),
    all: (to) => mails.filter((mail) => mail.to === to).map(({ text }) => text),
    close: () => smtp.close(),
  }
}

/** Starts a server. What comes to its own address is passed on to wherever it listens now. */
export async function openPlace(mailbox: Mailbox, env: Readonly<Record<string, string>> = {}): Promise<Place> {
  // The database's own user must be able to enter the folder above its data.
  const data = mkdtempSync(join(tmpdir(), 'hearth-move-data-'))
  const folder = mkdtempSync(join(tmpdir(), 'hearth-move-'))
  const failpoint = join(folder, 'failpoint')
  let target = 0
  const door = await listen((socket) => {
    const inner = connect(target, '127.0.0.1')
    const end = () => {
      socket.destroy()
      inner.destroy()
    }
    for (const one of [socket, inner]) one.on('error', end).on('close', end)
    socket.pipe(inner).pipe(socket)
  })
  const start = () =>
    startServer({
      dataDir: data,
      args: ['--no-first-run'],
      env: {
        HEARTH_MAIL_HOST: '127.0.0.1',
        HEARTH_MAIL_PORT: `${mailbox.port}`,
        HEARTH_MAIL_DISABLE_TLS: 'true',
        HEARTH_OUTGOING_ALLOW_PRIVATE: 'true',
        HEARTH_JOBS_TAKE_OVER_AFTER: '2',
        HEARTH_TEST_FAILPOINT: failpoint,
        ...env,
      },
    })
  let server = await start()
  target = Number(new URL(server.url).port)
  return {
    port: (door.address() as AddressInfo).port,
    get server() {
      return server
    },
    failAt: (place) => writeFileSync(failpoint, place ?? ''),
    async died() {
      await until('the process dies', () => (isAlive(server.pid) ? undefined : true))
      await server.kill()
    },
    async restart() {
      writeFileSync(failpoint, '')
      server = await start()
      target = Number(new URL(server.url).port)
    },
    async close() {
      await server.killTree()
      door.close()
      for (const one of [data, folder]) rmSync(one, { recursive: true, force: true })
    },
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function listen(onConnection: (socket: Socket) => void): Promise<Server> {
  const server = createServer(onConnection)
  await new Promise<void>((done) => server.listen(0, done))
  return server
}

/** An instance and its owner. */
export interface Owner {
  readonly place: Place
  readonly domain: string
  readonly mail: string
  /** With a token that may do everything. */
  ask(method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly body: unknown }>
  /** As the owner's browser, with its cookies. */
  browse(method: string, path: string, options?: Browse): Promise<Response>
  /** A token for others, as an operator makes it. */
  token(scope: string): Promise<string>
  logIn(): Promise<void>
  /** Members of the instance's own document. */
  attributes(): Promise<Readonly<Record<string, unknown>>>
}

interface Browse {
  readonly form?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
}

const passphrase = 'correct horse'

/** Makes an instance at `127.0.0.NUMBER`, or with a domain that only tests know. */
export async function openOwner(
  place: Place,
  number: number,
  domain = `127.0.0.${number}:${place.port}`,
): Promise<Owner> {
  const name = `owner-${number}-${place.port}`
  const mail = `${name}@example.org`
  const admin = async (method: string, path: string) => {
    const { adminUrl } = place.server
    const headers = { authorization: `Basic ${btoa(`admin:${place.server.passphrase}`)}` }
    const response = await place.server.fetch(`${adminUrl}${path}`, { method, headers })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text
  }
  const query = new URLSearchParams({ Domain: domain, Email: mail, PublicName: name, Passphrase: passphrase })
  await admin('POST', `/instances?${query}`)
  const token = (scope: string) => place.server.token(scope, { domain, expire: '1h' })
  const own = await token('*')
  const cookies = new Map<string, string>()
  const browse: Owner['browse'] = async (method, path, { form, headers = {} } = {}) => {
    const cookie = [...cookies].map(([key, value]) => `${key}=${value}`).join('; ')
    const response = await place.server.fetch(path, {
      method,
      headers: {
        host: domain,
        accept: 'text/html',
        ...(cookie === '' ? {} : { cookie }),
        ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
        ...headers,
      },
      ...(form === undefined ? {} : { body: `${new URLSearchParams(form)}` }),
    })
    for (const line of response.headers.getSetCookie()) {
      const [, key = '', value = ''] = /^([^=;]+)=([^;]*)/.exec(line) ?? []
      cookies.set(key, value)
    }
    return response
  }
  return {
    place,
    domain,
    mail,
    token,
    browse,
    async ask(method, path, body) {
      const response = await place.server.fetch(path, {
        method,
        headers: { host: domain, authorization: `Bearer ${own}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      const text = await response.text()
      return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text }
    },
    async logIn() {
      const csrf_token = csrfIn(await (await browse('GET', '/auth/login')).text())
      const response = await browse('POST', '/auth/login', { form: { password: passphrase, csrf_token } })
      if (response.status !== 303) throw new Error(`login: ${response.status} ${await response.text()}`)
    },
    async attributes() {
      const { data } = JSON.parse(await admin('GET', `/instances/${domain}`)) as {
        data: { attributes: Record<string, unknown> }
      }
      return data.attributes
    },
  }
}

export function csrfIn(page: string): string {
  return /name="csrf_token" value="([^"]*)"/.exec(page)?.[1] ?? ''
}

/** What the wizard gets from the owner of the source: a code. */
export async function authorizeSource(source: Owner): Promise<string> {
  const back = 'http://wizard.example/callback/source'
  const response = await source.browse(
    'GET',
    `/move/authorize?${new URLSearchParams({ state: 's1', redirect_uri: back })}`,
  )
  if (response.status !== 302) throw new Error(`authorize: ${response.status} ${await response.text()}`)
  return new URL(response.headers.get('location') ?? '').searchParams.get('code') ?? ''
}

/** What the wizard gets from the owner of the target: a token, and the client that it belongs to. */
export async function authorizeTarget(target: Owner): Promise<TargetAccess> {
  const redirect_uri = 'http://wizard.example/callback/target'
  const described = { redirect_uris: [redirect_uri], client_name: 'Wizard', software_id: 'wizard' }
  const registered = await target.place.server.fetch('/auth/register', {
    method: 'POST',
    headers: { host: target.domain, 'content-type': 'application/json' },
    body: JSON.stringify(described),
  })
  const { client_id, client_secret } = (await registered.json()) as { client_id: string; client_secret: string }
  const query = new URLSearchParams({ state: 's2', client_id, redirect_uri })
  const csrf_token = csrfIn(await (await target.browse('GET', `/auth/authorize/move?${query}`)).text())
  const agreed = await target.browse('POST', '/auth/authorize/move', {
    form: { state: 's2', client_id, redirect_uri, password: passphrase, csrf_token },
    headers: { accept: 'application/json' },
  })
  const { redirect } = (await agreed.json()) as { redirect: string }
  const code = new URL(redirect).searchParams.get('code') ?? ''
  const exchanged = await target.browse('POST', '/auth/access_token', {
    form: { grant_type: 'authorization_code', code, client_id, client_secret },
    headers: { accept: 'application/json' },
  })
  const { access_token } = (await exchanged.json()) as { access_token: string }
  return { token: access_token, clientId: client_id, clientSecret: client_secret }
}

export interface TargetAccess {
  readonly token: string
  readonly clientId: string
  readonly clientSecret: string
}

/** The fields of the wizard's request to the source. */
export function requestForm(target: Owner, access: TargetAccess): Record<string, string> {
  return {
    target_url: `http://${target.domain}/`,
    target_token: access.token,
    target_client_id: access.clientId,
    target_client_secret: access.clientSecret,
  }
}

/** From the request to the link in the mail. Gives its path. */
export async function requestMove(
  source: Owner,
  form: Readonly<Record<string, string>>,
  mailbox: Mailbox,
): Promise<string> {
  const asked = await source.browse('POST', '/move/request', { form, headers: { origin: 'http://wizard.example' } })
  const page = await asked.text()
  if (asked.status !== 200) throw new Error(`request: ${asked.status} ${page}`)
  const text = await mailbox.next(source.mail, /\/move\/go\?secret=/)
  return `/move/go?secret=${/\/move\/go\?secret=(\w+)/.exec(text)?.[1]}`
}
