/** Plays one recorded scenario against a running server. */
import { pbkdf2Sync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isObject, type Json, type JsonObject } from '../../../src/model/json/value.ts'
import type { TestServer } from '../../support/server.ts'
import { ScriptSocket } from '../cozy/websocket.ts'
import type { Neighbours } from './neighbours.ts'
import { type Answer, Normaliser } from './normaliser.ts'
import type { RawOrder, RawWriter } from './raw-writer.ts'
import { folder, type Step } from './recordings.ts'
import { dig, encodeAll, fill, fillText, generate, Skipped, type Variables } from './values.ts'

export interface Stage {
  readonly server: TestServer
  readonly raw: RawWriter
  readonly neighbours: Neighbours
}

interface Received {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Uint8Array
}

export class Player {
  readonly #stage: Stage
  readonly #tag: string
  readonly #suffix: string
  readonly #values: Variables = new Map()
  readonly #normaliser: Normaliser
  readonly #jars = new Map<string, Map<string, string>>()
  readonly #sockets = new Map<string, ScriptSocket>()
  readonly #domains: string[] = []
  readonly #basic: string

  /** `tag`: the beginning of the names of its instances. */
  constructor(stage: Stage, tag: string) {
    this.#stage = stage
    this.#tag = tag
    this.#suffix = new URL(stage.server.url).host.replace('127.0.0.1', 'localhost')
    this.#normaliser = new Normaliser(this.#values)
    this.#basic = `Basic ${btoa(`admin:${stage.server.passphrase}`)}`
    this.#set('FAKE', stage.neighbours.url)
    this.#set('SUFFIX', this.#suffix)
    this.#values.set('SCHEME', 'http')
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.values()) socket.close()
    for (const domain of this.#domains) await this.#admin('DELETE', `/instances/${domain}`)
  }

  /** @throws Skipped, MissingValue */
  async play(step: Step): Promise<Answer> {
    if (step.sleep) await sleep(step.sleep * 1000)
    switch (step.k) {
      case 'req':
        return this.#request(step)
      case 'instance':
        return this.#instance(step)
      case 'token':
        return this.#token(step)
      case 'login':
        return this.#login(step)
      case 'passhash':
        this.#values.set(step.as ?? '', hashed(step.password ?? 'cozy', this.#domain(step), step.iterations ?? 650_000))
        return nothing
      case 'set': {
        const value = fillText(step.value ?? '', this.#values)
        this.#values.set(step.as ?? '', value)
        if (step.learn ?? true) this.#normaliser.learn(step.as ?? '', value)
        return nothing
      }
      case 'raw':
        return this.#raw(step)
      case 'blob':
        return this.#blob(step)
      case 'mail':
        return this.#mail(step)
      case 'calls':
        return this.#calls(step)
      case 'route':
        return this.#route(step)
      case 'ws':
        return this.#socket(step)
    }
  }

  #set(name: string, value: Json): void {
    this.#values.set(name, value)
    this.#normaliser.learn(name, value)
  }

  #domain({ inst = '' }: Step): string {
    return String(this.#values.get(inst) ?? '')
  }

  async #request(step: Step): Promise<Answer> {
    const { until } = step
    const deadline = Date.now() + Number(until?.['max'] ?? 0) * 1000
    for (;;) {
      const received = await this.#fire(step)
      const body = parse(received.bytes)
      if (until !== undefined && Date.now() < deadline && !this.#isReached(until, received.status, body)) {
        await sleep(100)
        continue
      }
      this.#capture(step, received, body)
      return this.#normaliser.answer(step, received.status, received.headers, received.bytes)
    }
  }

  #isReached(until: Readonly<Record<string, Json>>, status: number, body: Json | undefined): boolean {
    const { st, path, len, any } = until as Readonly<Record<string, Json[] | undefined>>
    if (st?.includes(status)) return true
    if (path !== undefined && (until['in'] as Json[]).includes(dig(body, path as string[]) ?? null)) return true
    if (len !== undefined) {
      const list = dig(body, len[0] as string[])
      if (Array.isArray(list) && list.length >= Number(len[1])) return true
    }
    if (any === undefined) return false
    const list = dig(body, any[0] as string[])
    const wanted = any[1] as [string[], Json][]
    const fits = (item: Json) => wanted.every(([where, value]) => dig(item, where) === fill(value, this.#values))
    return Array.isArray(list) && list.some(fits)
  }

  async #fire(step: Step): Promise<Received> {
    const { l = '', jar, m = 'GET', p = '', q } = step
    const toAdmin = l === 'admin'
    const headers: Record<string, string> = {}
    for (const [name, value] of Object.entries(step.h ?? {}))
      headers[name.toLowerCase()] = fillText(value, this.#values)
    const body = this.#bodyOf(step, headers)
    const host = toAdmin ? step.host && fillText(step.host, this.#values) : this.#hostOf(l)
    if (host) headers['host'] = host
    // Null: nobody says who they are.
    const auth = step.auth === undefined && toAdmin ? 'basic' : step.auth
    if (auth === 'basic') headers['authorization'] = this.#basic
    else if (auth?.startsWith('basic:'))
      headers['authorization'] = `Basic ${btoa(fillText(auth.slice(6), this.#values))}`
    else if (auth?.startsWith('bearer:')) headers['authorization'] = `Bearer ${fillText(auth.slice(7), this.#values)}`
    const cookies = jar === undefined ? undefined : this.#jars.get(jar)
    if (cookies?.size) headers['cookie'] = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    let path = fillText(p, this.#values)
    if (q?.length) {
      const pairs = q.map(([name, value]) => `${plus(name)}=${plus(fillText(value, this.#values))}`)
      path += (path.includes('?') ? '&' : '?') + pairs.join('&')
    }
    const received = await this.#send(toAdmin ? 'admin' : 'public', m, path, headers, body)
    if (jar !== undefined) this.#keepCookies(jar, received.headers)
    return received
  }

  async #send(
    listener: 'public' | 'admin',
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: Uint8Array,
  ): Promise<Received> {
    const { server } = this.#stage
    const base = listener === 'admin' ? server.adminUrl : server.url
    const isEmpty = body === undefined && /^(POST|PUT|PATCH)$/.test(method)
    const answer = await server.fetch(base + path, {
      method,
      headers: isEmpty ? { 'content-length': '0', ...headers } : headers,
      ...(body === undefined ? {} : { body }),
    })
    return { status: answer.status, headers: answer.headers, bytes: new Uint8Array(await answer.arrayBuffer()) }
  }

  #admin(method: string, path: string, host?: string, body?: Uint8Array): Promise<Received> {
    const headers = { authorization: this.#basic, ...(host === undefined ? {} : { host }) }
    return this.#send(
      'admin',
      method,
      path,
      body === undefined ? headers : { ...headers, 'content-type': 'text/plain' },
      body,
    )
  }

  #hostOf(listener: string): string | undefined {
    if (listener.startsWith('pub:')) return String(this.#values.get(listener.slice(4)))
    if (listener.startsWith('app:')) {
      const [, inst = '', slug] = listener.split(':')
      return `${slug}.${String(this.#values.get(inst))}`
    }
    return listener.startsWith('host:') ? fillText(listener.slice(5), this.#values) : undefined
  }

  #bodyOf(step: Step, headers: Record<string, string>): Uint8Array | undefined {
    if (step.raw !== undefined) return Buffer.from(fillText(step.raw, this.#values))
    if (step.gen !== undefined) return generate(step.gen)
    if (step.b64 !== undefined) return Buffer.from(step.b64, 'base64')
    if (step.form !== undefined) {
      headers['content-type'] ??= 'application/x-www-form-urlencoded'
      const pairs = Object.entries(step.form).map(
        ([name, value]) => `${plus(name)}=${plus(fillText(value, this.#values))}`,
      )
      return Buffer.from(pairs.join('&'))
    }
    if (step.b === undefined) return undefined
    headers['content-type'] ??= 'application/json'
    return Buffer.from(JSON.stringify(fill(step.b, this.#values)))
  }

  #keepCookies(jar: string, headers: Headers): void {
    const kept = this.#jars.get(jar) ?? new Map<string, string>()
    this.#jars.set(jar, kept)
    for (const line of headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=;]+)=([^;]*)/.exec(line) ?? []
      if (value === '') kept.delete(name)
      else kept.set(name, value)
    }
  }

  #capture({ cap = {} }: Step, { headers, bytes }: Received, body: Json | undefined): void {
    for (const [name, [kind, argument]] of Object.entries(cap)) {
      const value = this.#captured(kind, argument, headers, bytes, body)
      if (value === undefined || value === null) continue
      this.#values.set(name, value)
      if (!name.startsWith('_')) this.#normaliser.learn(name, value)
    }
  }

  #captured(
    kind: string,
    argument: Json,
    headers: Headers,
    bytes: Uint8Array,
    body: Json | undefined,
  ): Json | undefined {
    if (kind === 'body') return dig(body, argument as string[])
    if (kind === 'header') return headers.get(String(argument))
    if (kind === 'text') {
      const text = Buffer.from(bytes).toString('utf8')
      return argument ? new RegExp(String(argument)).exec(text)?.[1] : text
    }
    if (kind === 'loc') {
      const query = (headers.get('location') ?? '').split('#')[0]?.split('?')[1] ?? ''
      return new URLSearchParams(query).get(String(argument))
    }
    const [list, key, value, path] = argument as unknown as [string[], string[], Json, string[]]
    const items = dig(body, list)
    const wanted = fill(value, this.#values)
    const found = Array.isArray(items) ? items.find((item: Json) => dig(item, key) === wanted) : undefined
    return dig(found, path)
  }

  async #instance(step: Step): Promise<Answer> {
    const { letter = '', fixed, bare, opts = {} } = step
    const first = this.#tag + letter.toLowerCase()
    const domain = fixed ?? `${first}.${this.#suffix}`
    const mail = `${first}@rr.example`
    for (const [name, value] of [
      [letter, domain],
      [`${letter}.mail`, mail],
      [`${letter}.name`, first],
    ] as const) {
      this.#set(name, value)
    }
    this.#domains.push(domain)
    if (bare) return nothing
    const query: Record<string, string | null> = {
      Domain: domain,
      Email: mail,
      Locale: 'en',
      PublicName: `Person ${letter}`,
      Passphrase: 'cozy',
    }
    for (const [name, value] of Object.entries(opts))
      query[name] = value === null ? null : fillText(value, this.#values)
    const pairs = Object.entries(query).flatMap(([name, value]) =>
      value === null ? [] : [`${plus(name)}=${plus(value)}`],
    )
    const { status, bytes } = await this.#admin('POST', `/instances?${pairs.join('&')}`)
    if (status !== 200 && status !== 201) throw new Error(`instance ${domain}: ${status} ${Buffer.from(bytes)}`)
    this.#set(`${letter}.id`, dig(parse(bytes), ['data', 'id']) ?? '')
    return { ...nothing, st: status }
  }

  async #token(step: Step): Promise<Answer> {
    const { aud = 'cli', scope = '', sub, as = '' } = step
    const subject = !sub ? '' : `&Subject=${plus(fillText(sub, this.#values))}`
    const path = `/instances/token?Domain=${plus(this.#domain(step))}&Audience=${aud}&Scope=${plus(scope)}${subject}`
    const { status, bytes } = await this.#admin('POST', path)
    if (status !== 200) throw new Error(`token: ${status} ${Buffer.from(bytes)}`)
    this.#values.set(as, Buffer.from(bytes).toString().trim())
    return { ...nothing, st: status }
  }

  async #login(step: Step): Promise<Answer> {
    const { inst = '', jar = inst, password = 'cozy' } = step
    const at = { l: `pub:${inst}`, p: '/auth/login', jar, st: 0, j: 0, k: 'req' } as const
    const page = Buffer.from((await this.#fire({ ...at, m: 'GET', h: { Accept: 'text/html' } })).bytes).toString()
    const csrf =
      /name="csrf_token"\s+value="([^"]*)"/.exec(page)?.[1] ?? /value="([^"]*)"\s+name="csrf_token"/.exec(page)?.[1]
    const rounds = Number(
      /data-iterations="(\d+)"/.exec(page)?.[1] ?? /iterations"?[=:]\s*"?(\d+)/.exec(page)?.[1] ?? 650_000,
    )
    const form = {
      passphrase: hashed(password, this.#domain(step), rounds),
      ...(csrf === undefined ? {} : { csrf_token: csrf }),
    }
    const { status, bytes } = await this.#fire({ ...at, m: 'POST', form, h: { Accept: 'application/json' } })
    if (![200, 302, 303].includes(status)) throw new Error(`login: ${status} ${Buffer.from(bytes)}`)
    return { ...nothing, st: status }
  }

  async #raw(step: Step): Promise<Answer> {
    const { op = 'put', inst = '', doctype = '', id = '', doc = {} } = step
    const filled = fill(doc, this.#values)
    const found = await this.#stage.raw.run({
      op: op as RawOrder['op'],
      domain: inst === 'global' ? null : this.#domain(step),
      doctype,
      id: fillText(id, this.#values),
      doc: isObject(filled) ? filled : {},
    })
    for (const [name, [, where]] of Object.entries(step.cap ?? {})) {
      this.#set(name, dig(found, where as string[]) ?? null)
    }
    if (!step.see) return nothing
    return { ...nothing, e: this.#normaliser.shape(this.#normaliser.walk(found), step.norm ?? [], step) }
  }

  /** Damages contents through the raw objects of the admin API. */
  async #blob(step: Step): Promise<Answer> {
    const { op, file = '', object, gen, b64 = '' } = step
    const data = gen === undefined ? Buffer.from(b64, 'base64') : generate(gen)
    const host = this.#domain(step)
    const id = fillText(file, this.#values)
    const list = dig(parse((await this.#admin('GET', '/swift/vfs', host)).bytes), ['objects_names'])
    const names = Array.isArray(list) ? list.map(String) : []
    const mine = id === '' ? [] : names.filter((name) => name.replaceAll('/', '').startsWith(id) || name.startsWith(id))
    const at = (name: string) => `/swift/vfs/${encodeAll(name)}`
    if (mine.length > 0 && (op === 'delete' || op === 'write' || op === 'deleteall')) {
      for (const name of op === 'deleteall' ? mine : mine.slice(0, 1)) {
        await this.#admin(op === 'write' ? 'PUT' : 'DELETE', at(name), host, op === 'write' ? data : undefined)
      }
      return nothing
    }
    if (op !== 'write' || id !== '' || object === undefined) throw new Skipped('no such damage on an object store')
    await this.#admin('PUT', at(object), host, data)
    return nothing
  }

  async #mail(step: Step): Promise<Answer> {
    const { to = '', match = '', max = 15, none, see, show = {}, cap = {} } = step
    const recipient = fillText(to, this.#values).toLowerCase()
    const { mails } = this.#stage.neighbours
    const deadline = Date.now() + max * 1000
    let at = -1
    const pattern = new RegExp(match)
    for (;;) {
      at = mails.findIndex(
        (mail) =>
          mail.to.some((one) => one.toLowerCase() === recipient) &&
          (pattern.test(Object.values(mail.parts).join('\n')) || pattern.test(mail.headers.get('subject') ?? '')),
      )
      if (at >= 0 || Date.now() > deadline) break
      await sleep(50)
    }
    const [mail] = at < 0 ? [] : mails.splice(at, 1)
    if (mail === undefined) return { st: none ? 0 : 599, hd: {}, e: 'no mail' }
    const text = Object.values(mail.parts).join('\n')
    for (const [name, expression] of Object.entries(cap)) {
      const found = new RegExp(String(expression)).exec(text)?.[1]
      if (found !== undefined) this.#set(name, found.replaceAll('&amp;', '&').replaceAll('&#39;', "'"))
    }
    const shown = (value: string | undefined) => this.#normaliser.text(value ?? '')
    const header = (name: string) => mail.headers.get(name)
    const info: JsonObject = {
      subject: shown(header('subject')),
      from: shown(header('from')),
      'reply-to': shown(header('reply-to')),
      'x-cozy': shown(header('x-cozy')),
      types: Object.keys(mail.parts).sort(),
      text: shown(mail.parts['text/plain']),
    }
    const body: Record<string, Json> = { to: shown(/[^<\s]+@[^>\s]+/.exec(header('to') ?? '')?.[0]) }
    for (const name of Array.isArray(see) ? see.map(String) : []) body[name] = info[name] ?? null
    for (const [name, expression] of Object.entries(show)) {
      const found = new RegExp(expression).exec(text)?.[1]
      body[name] = found === undefined ? null : shown(found)
    }
    return { ...nothing, e: body }
  }

  async #calls(step: Step): Promise<Answer> {
    await sleep((step.wait ?? 0.5) * 1000)
    const pattern = new RegExp(fillText(step.match ?? '', this.#values))
    const found = this.#stage.neighbours.calls.filter(({ p }) => pattern.test(p))
    return {
      ...nothing,
      e: found.map(({ m, p, ct, b }) => ({
        m,
        p: this.#normaliser.text(p),
        ct: ct.split(';')[0] ?? '',
        b: this.#normaliser.walk(parse(Buffer.from(b)) ?? b),
      })),
    }
  }

  #route(step: Step): Answer {
    const { path = '', file, b, text = '', code = 200, ct = '' } = step
    const body =
      file !== undefined
        ? readFileSync(join(folder, file))
        : Buffer.from(b === undefined ? fillText(text, this.#values) : JSON.stringify(fill(b, this.#values)))
    this.#stage.neighbours.route(fillText(path, this.#values), { status: code, type: ct, body })
    return nothing
  }

  async #socket(step: Step): Promise<Answer> {
    const { op, as = '' } = step
    if (op === 'open') {
      const toAdmin = step.l === 'admin'
      const base = toAdmin ? this.#stage.server.adminUrl : this.#stage.server.url
      const socket = await ScriptSocket.open(base, fillText(step.p ?? '', this.#values), {
        Host: (toAdmin ? undefined : this.#hostOf(step.l ?? '')) ?? new URL(base).host,
        ...(step.proto === undefined ? {} : { 'Sec-WebSocket-Protocol': step.proto }),
        ...(toAdmin ? { Authorization: this.#basic } : {}),
      })
      this.#sockets.set(as, socket)
      for (const message of step.send ?? []) socket.send(JSON.stringify(fill(message, this.#values)))
      await sleep(300)
      return { st: socket.status, hd: {}, e: { protocol: socket.headers.get('sec-websocket-protocol') ?? null } }
    }
    const socket = this.#sockets.get(as)
    if (op === 'send') socket?.send(JSON.stringify(fill(step.b ?? null, this.#values)))
    if (op === 'close') socket?.close()
    if (op !== 'read') return nothing
    const got: Json[] = []
    const deadline = Date.now() + (step.max ?? 10) * 1000
    while (got.length < (step.n ?? 1) && Date.now() < deadline) {
      const text = (await socket?.receive(deadline - Date.now())) ?? null
      if (text === null) {
        if (socket?.closed !== null) got.push('close')
        break
      }
      const message = parse(Buffer.from(text)) ?? text
      for (const [name, where] of Object.entries(step.cap ?? {})) {
        const value = dig(message, where as unknown as string[])
        if (value !== undefined && value !== null) this.#set(name, value)
      }
      got.push(this.#normaliser.shape(this.#normaliser.walk(message), step.norm ?? [], step))
    }
    return { ...nothing, e: got }
  }
}

const nothing: Answer = { st: 0, hd: {}, e: null }

/** As forms and queries are encoded: a space is `+`. */
function plus(text: string): string {
  return encodeAll(text).replaceAll('%20', '+')
}

function parse(bytes: Uint8Array): Json | undefined {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as Json
  } catch {
    return undefined
  }
}

/** What the page for logging in sends in place of a passphrase. */
function hashed(password: string, domain: string, iterations: number): string {
  const key = pbkdf2Sync(password, `me@${domain.split(':')[0]}`, iterations, 32, 'sha256')
  return pbkdf2Sync(key, password, 1, 32, 'sha256').toString('base64')
}
