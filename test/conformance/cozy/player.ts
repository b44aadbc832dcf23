/** Plays one scenario against a fresh instance of a running server. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { HttpInit } from '../../support/http.ts'
import type { TestServer } from '../../support/server.ts'
import { type Answer, isMembers, Normaliser, type Value } from './normaliser.ts'
import type { Step } from './recordings.ts'
import { ScriptSocket } from './websocket.ts'

/** The scope of the token `all`. */
const everything =
  'io.cozy.files io.cozy.files.versions io.cozy.settings io.cozy.doctypes io.cozy.jobs io.cozy.triggers io.cozy.accounts io.cozy.contacts io.cozy.apps io.cozy.konnectors io.cozy.notifications io.cozy.sessions io.cozy.permissions io.cozy.oauth.clients io.cozy.sharings io.cozy.bills io.cozy.photos.albums org.example.notes org.example.other org.example.third org.example.empty'

const rootId = 'io.cozy.files.root-dir'

interface Raw {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Uint8Array
}

export class Player {
  readonly #server: TestServer
  readonly #suffix: string
  readonly #domain: string
  readonly #normaliser: Normaliser
  readonly #basic: string
  readonly #params: Readonly<Record<string, string>>
  readonly #values = new Map<string, unknown>()
  readonly #tokens = new Map<string, Promise<string>>()

  constructor(server: TestServer, first: Step) {
    this.#server = server
    this.#suffix = new URL(server.url).host.replace('127.0.0.1', 'localhost')
    this.#domain = `${first.sc}.${this.#suffix}`
    this.#normaliser = new Normaliser(this.#suffix, first.surface === 'data')
    this.#basic = `Basic ${btoa(`x:${server.passphrase}`)}`
    this.#params = first.params ?? {}
    for (const [name, value] of Object.entries({
      dom: this.#domain,
      sfx: this.#suffix,
      root: rootId,
      trash: 'io.cozy.files.trash-dir',
    })) {
      this.#values.set(name, value)
    }
  }

  /** Makes the instance, with an empty drive unless the scenario is about that. */
  async open(): Promise<void> {
    const { keep_tree, ...params } = this.#params
    const query = new URLSearchParams({
      Domain: this.#domain,
      Locale: 'en',
      Email: 'me@example.org',
      PublicName: 'Me',
      ...params,
    })
    const { status, bytes } = await this.#admin('POST', `/instances?${query}`)
    if (status !== 201) throw new Error(`cannot make ${this.#domain}: ${status} ${Buffer.from(bytes)}`)
    this.#values.set('_tok', await this.#token('all', this.#domain))
    if (keep_tree === undefined) await this.#emptyDrive()
  }

  close(): Promise<unknown> {
    return this.#admin('DELETE', `/instances/${this.#domain}`)
  }

  /** Plays a step; `undefined` where there is nothing to compare. */
  async play(step: Step): Promise<Answer | undefined> {
    if (step.sleep) await sleep(step.sleep * 1000)
    if (step.m === 'WS') return this.#playSocket(step)
    if (step.m === 'INJECT') return this.#damage(step)
    const path = this.#fill(step.p)
    // A former answer did not hold the address that is asked for here.
    if (!path.startsWith('/')) return { status: 0, headers: {}, body: path }
    const { status, headers, bytes } = await this.#request(step)
    this.#capture(step, headers, bytes)
    const contentType = headers.get('content-type') ?? ''
    return {
      status,
      headers: this.#normaliser.headers(headers),
      body: this.#normaliser.body(status, contentType, bytes, step),
    }
  }

  async #request(step: Step): Promise<Raw> {
    const path = this.#fill(step.p).replace(/[^\x21\x23-\x7e]/gu, encodeURIComponent)
    const given = Object.entries(step.h ?? {}).map(([name, value]) => [name, value && this.#fill(value)] as const)
    const body = this.#bodyOf(step)
    const headers: Record<string, string | null> = Object.fromEntries(given)
    if (step.b !== undefined && headers['Content-Type'] === undefined) {
      headers['Content-Type'] = step.ja ? 'application/vnd.api+json' : 'application/json'
    }
    const host = step.host === undefined ? undefined : this.#fill(step.host)
    if (step.adm !== undefined) {
      const auth = step.auth === undefined || step.auth === 'good' ? this.#basic : step.auth
      const own = { host: host ?? new URL(this.#server.adminUrl).host, authorization: auth || null }
      return this.#send(
        this.#server.adminUrl,
        step.m,
        path,
        { accept: 'application/json', ...own, ...lower(headers) },
        body,
      )
    }
    const token = step.tok === undefined ? 'all' : step.tok
    const authorization = await this.#authorisation(token, host)
    const own = { accept: 'application/json', host: host ?? this.#domain, authorization }
    const framing = step.chunked ? { 'transfer-encoding': 'chunked' } : {}
    return this.#send(this.#server.url, step.m, path, { ...own, ...lower(headers), ...framing }, body)
  }

  async #send(
    base: string,
    method: string,
    path: string,
    headers: Readonly<Record<string, string | null>>,
    body?: Uint8Array,
  ): Promise<Raw> {
    const kept = Object.fromEntries(
      Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== null),
    )
    const empty = body === undefined && /^(POST|PUT|PATCH)$/.test(method) && kept['content-length'] === undefined
    const init: HttpInit = {
      method,
      headers: empty ? { ...kept, 'content-length': '0' } : kept,
      ...(body === undefined ? {} : { body }),
    }
    const answer = await this.#server.fetch(base + path, init)
    return { status: answer.status, headers: answer.headers, bytes: new Uint8Array(await answer.arrayBuffer()) }
  }

  #admin(method: string, path: string): Promise<Raw> {
    return this.#send(this.#server.adminUrl, method, path, { authorization: this.#basic, accept: 'application/json' })
  }

  async #authorisation(token: string | null, host: string | undefined): Promise<string | null> {
    if (token === null) return null
    if (token.startsWith('lit:')) return `Bearer ${token.slice(4)}`
    if (token.startsWith('basic:')) return `Basic ${btoa(`u:${await this.#token('all', this.#domain)}`)}`
    const domain = host?.endsWith(this.#suffix) && token === 'all' ? host : this.#domain
    return `Bearer ${await this.#token(token, domain)}`
  }

  #token(token: string, domain: string): Promise<string> {
    const key = `${domain} ${token}`
    const known = this.#tokens.get(key) ?? this.#mint(token, domain)
    this.#tokens.set(key, known)
    return known
  }

  async #mint(token: string, domain: string): Promise<string> {
    const scope = token === 'all' ? everything : this.#fill(token.slice(token.indexOf(':') + 1))
    const expires = token.startsWith('expired:')
    const query = `Domain=${encodeURIComponent(domain)}&Audience=cli&Scope=${encodeURIComponent(scope)}`
    const { status, bytes } = await this.#admin('POST', `/instances/token?${query}${expires ? '&Expire=1s' : ''}`)
    if (status !== 200) return domain === this.#domain ? `not-minted-${status}` : this.#token(token, this.#domain)
    if (expires) await sleep(2000)
    return Buffer.from(bytes).toString().trim()
  }

  async #emptyDrive(): Promise<void> {
    const authorization = await this.#authorisation('all', undefined)
    const headers = { host: this.#domain, authorization }
    const { bytes } = await this.#send(this.#server.url, 'GET', `/files/${rootId}`, headers)
    const { included = [] } = JSON.parse(Buffer.from(bytes).toString()) as { included?: readonly { id: string }[] }
    const data = included.map(({ id }) => ({ id, attributes: { permanent_delete: true } }))
    await this.#send(this.#server.url, 'PATCH', '/files/', headers, Buffer.from(JSON.stringify({ data })))
  }

  #fill(text: string): string {
    return text.replace(/\{\{(\w+)(\|q)?\}\}/g, (_, name: string, quoted) => {
      const value = String(this.#values.get(name) ?? `MISSING-${name}`)
      return quoted ? encodeURIComponent(value) : value
    })
  }

  #fillAll(value: Value): Value {
    if (typeof value === 'string') return this.#fill(value)
    if (Array.isArray(value)) return value.map((element) => this.#fillAll(element))
    if (!isMembers(value)) return value
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [this.#fill(name), this.#fillAll(member)]))
  }

  #bodyOf({ raw, bin64, fill, b }: Step): Uint8Array | undefined {
    if (raw !== undefined) return Buffer.from(this.#fill(raw))
    if (bin64 !== undefined) return Buffer.from(bin64, 'base64')
    if (fill !== undefined) return Buffer.from(fill[0].repeat(fill[1]))
    return b === undefined ? undefined : Buffer.from(JSON.stringify(this.#fillAll(b as Value)))
  }

  #capture({ cap = {} }: Step, headers: Headers, bytes: Uint8Array): void {
    const text = Buffer.from(bytes).toString()
    for (const [name, where] of Object.entries(cap)) {
      const value =
        where === 'text' ? text.trim() : where.startsWith('h:') ? headers.get(where.slice(2)) : dig(text, where)
      if (value === undefined || value === null) continue
      this.#values.set(name, value)
      if (!name.startsWith('_')) this.#normaliser.learn(name, value)
    }
  }

  async #playSocket(step: Step): Promise<Answer> {
    const toAdmin = step.adm !== undefined
    const base = toAdmin ? this.#server.adminUrl : this.#server.url
    const socket = await ScriptSocket.open(base, this.#fill(step.p), {
      Host: step.host === undefined ? (toAdmin ? new URL(base).host : this.#domain) : this.#fill(step.host),
      ...(step.proto === false ? {} : { 'Sec-WebSocket-Protocol': 'io.cozy.websocket' }),
      ...(toAdmin ? { Authorization: this.#basic } : {}),
    })
    const log: Value[] = []
    if (socket.status === 101) for (const action of step.script ?? []) await this.#act(socket, action, step, log)
    socket.close()
    const protocol = socket.headers.get('sec-websocket-protocol')
    return {
      status: socket.status,
      headers: protocol === undefined ? {} : { 'sec-websocket-protocol': protocol },
      body: log,
    }
  }

  async #act(socket: ScriptSocket, [kind, ...given]: readonly unknown[], step: Step, log: Value[]): Promise<void> {
    const [what, seconds = 4] = given as [Value, number?]
    if (kind === 'auth') {
      socket.send(JSON.stringify({ method: 'AUTH', payload: await this.#bare(what as string | null) }))
    } else if (kind === 'send') {
      const message = this.#fillAll(what)
      socket.send(typeof message === 'string' ? message : JSON.stringify(message))
    } else if (kind === 'wait') await sleep((what as number) * 1000)
    else if (kind === 'http') {
      const answer = await this.play({ ...(what as unknown as Step) })
      log.push({ http: answer?.status ?? 0 })
    } else if (kind === 'closed') {
      await socket.receive((what as number) * 1000)
      log.push({ closed: socket.closed })
    } else if (kind === 'recv') {
      const received: Value[] = []
      for (let left = what as number; left > 0; left--) {
        const text = await socket.receive(seconds * 1000)
        if (text === null) break
        received.push(this.#message(text, step, given.length > 2))
      }
      log.push(received)
    }
  }

  async #bare(token: string | null): Promise<string | null> {
    return (await this.#authorisation(token, undefined))?.replace(/^Bearer /, '') ?? null
  }

  #message(text: string, { only }: Step, part: boolean): Value {
    let message: Value
    try {
      message = this.#normaliser.walk(JSON.parse(text) as Value)
    } catch {
      return { '<text>': text.slice(0, 200) }
    }
    if (!part || only === undefined || !isMembers(message)) return message
    const { payload } = message
    const doc = isMembers(payload) ? payload['doc'] : undefined
    if (!isMembers(payload) || !isMembers(doc)) return message
    const shown = Object.fromEntries(only.map((name) => [name, doc[name] ?? '<absent>']))
    return { ...message, payload: { ...payload, doc: shown } }
  }

  /** Damages stored bytes through the raw objects of the admin API. */
  async #damage({ inject, file = '', size = 0 }: Step): Promise<undefined> {
    const id = String(this.#values.get(file) ?? '')
    const headers = { host: this.#domain, authorization: this.#basic }
    const object = (method: string, name: string, body?: Uint8Array) =>
      this.#send(this.#server.adminUrl, method, `/swift/vfs/${encodeURIComponent(name)}`, headers, body)
    if (inject === 'orphan') {
      await object('PUT', `${'0'.repeat(22)}/00000/00000/abcdefghijklmnop`, Buffer.from('orphan'))
      return undefined
    }
    const list = await this.#send(this.#server.adminUrl, 'GET', '/swift/vfs', headers)
    const { objects_names: names } = JSON.parse(Buffer.from(list.bytes).toString()) as { objects_names: string[] }
    const name = names.find((one) => one.replaceAll('/', '').startsWith(id))
    if (name === undefined) throw new Error(`no object of ${id}`)
    if (inject === 'remove') await object('DELETE', name)
    else await object('PUT', name, (await object('GET', name)).bytes.subarray(0, size))
    return undefined
  }
}

function lower(headers: Readonly<Record<string, string | null>>): Record<string, string | null> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

function dig(text: string, path: string): unknown {
  try {
    return path
      .split('.')
      .reduce<unknown>((inside, name) => (inside as Record<string, unknown>)[name], JSON.parse(text))
  } catch {
    return undefined
  }
}
