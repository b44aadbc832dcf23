/**
 * Sends requests that were recorded from the original program (API 1.24.0) and compares the answers. A row's `expect` is
 * what is asserted: the published contract, or what the original answers where the contract says nothing.
 */
import { spawnSync } from 'node:child_process'
import { createHash, createHmac } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { gunzipSync } from 'node:zlib'

interface Part {
  readonly name: string
  readonly filename?: string
  readonly value?: string
  readonly data?: string
  readonly b64?: string
  readonly gz?: string
  readonly pki?: string
  readonly fetch?: string
}

interface Call {
  readonly method: string
  readonly target: string
  readonly headers?: Readonly<Record<string, string>>
  readonly form?: readonly Part[]
  readonly body?: string
  readonly type?: string
}

interface Poll {
  readonly target: string
  readonly ms?: number
  readonly status?: number
  readonly json?: unknown
  readonly not?: readonly string[]
  readonly allow?: readonly string[]
}

type Step = Call | { readonly poll: Poll } | { readonly sleep: number }

export interface Row extends Call {
  readonly name: string
  readonly phase: string
  readonly class: 'contract' | 'observed' | 'choice' | 'defect'
  readonly needs?: readonly string[]
  readonly before?: readonly Step[]
  readonly after?: readonly Call[]
  readonly note?: string
  readonly expect: {
    readonly status: number | readonly number[]
    readonly headers?: Readonly<Record<string, string>>
    readonly json?: unknown
    readonly json_has?: Readonly<Record<string, unknown>>
    readonly allow?: readonly string[]
    readonly text?: string
    readonly text_re?: string
    readonly magic?: string
    readonly min_ms?: number
  }
}

export interface Answer {
  readonly status: number | undefined
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

/** All recorded rows. */
export function recordedRows(): Row[] {
  const text = gunzipSync(readFileSync(new URL('answers.jsonl.gz', import.meta.url))).toString('utf8')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row)
}

/** The hash of a request. */
export function hashOf(token: string, message: string): string {
  const key = createHash('sha256').update(token).digest('hex')
  return createHmac('sha256', key).update(message).digest('hex')
}

export class Replayer {
  #source = 10
  #pki: string | undefined

  readonly #port: number

  readonly #passphrase: string

  constructor(port: number, passphrase = '') {
    this.#passphrase = passphrase
    this.#port = port
  }

  /** What is wrong with the answer to a row; empty when nothing is. */
  async check(row: Row): Promise<string[]> {
    for (const step of row.before ?? []) {
      if ('poll' in step) await this.#poll(step.poll)
      // The original needed a while for what is done here at once.
      else if ('sleep' in step) await Bun.sleep(step.sleep * 200)
      else await this.exchange(step)
    }
    const wanted = [row.expect.status].flat()
    // What must be refused comes from other addresses, since too many failures of one slow it down.
    const began = performance.now()
    const answer = await this.exchange(row, wanted.includes(403))
    const ms = performance.now() - began
    for (const step of row.after ?? []) await this.exchange(step)
    return differences(row, answer, ms)
  }

  /** Sends one request over a connection of its own. */
  async exchange(call: Call, elsewhere = false): Promise<Answer> {
    this.#source = this.#source >= 250 ? 11 : this.#source + 1
    const request = await this.#wire(call)
    return new Promise((resolve) => {
      const chunks: Buffer[] = []
      const socket = connect(
        {
          host: '127.0.0.1',
          port: this.#port,
          rejectUnauthorized: false,
          servername: 'localhost',
          ...(elsewhere ? { localAddress: `127.0.0.${this.#source}` } : {}),
        },
        () => socket.write(request),
      )
      const finish = () => {
        socket.destroy()
        resolve(parse(Buffer.concat(chunks)))
      }
      socket.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        if (isWhole(Buffer.concat(chunks), call.method)) finish()
      })
      socket.setTimeout(60_000, finish)
      socket.on('end', finish)
      socket.on('error', finish)
    })
  }

  close(): void {
    if (this.#pki !== undefined) rmSync(this.#pki, { recursive: true })
  }

  async #poll({ target, ms = 15_000, status = 200, json, not = [], allow }: Poll): Promise<void> {
    const deadline = Date.now() + ms
    while (Date.now() < deadline) {
      const answer = await this.exchange({ method: 'GET', target })
      const value = jsonOf(answer.body)
      const state = (value as { status?: string } | undefined)?.status
      const fits = json === undefined || same(json, value, allow)
      if (answer.status === status && fits && !not.includes(state ?? '')) return
      await Bun.sleep(50)
    }
  }

  async #wire(call: Call): Promise<Buffer> {
    const boundary = '----b0undary7fQ'
    let body: Buffer | undefined
    let type = call.type
    if (call.form !== undefined) {
      const pieces: Buffer[] = []
      for (const part of call.form) {
        const file =
          part.filename === undefined ? '' : `; filename="${part.filename}"\r\nContent-Type: application/octet-stream`
        pieces.push(
          Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${part.name}"${file}\r\n\r\n`),
          await this.#content(part),
          Buffer.from('\r\n'),
        )
      }
      body = Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)])
      type = `multipart/form-data; boundary=${boundary}`
    } else if (call.body !== undefined) body = Buffer.from(call.body)
    const head = [
      `${call.method} ${this.#filled(call.target)} HTTP/1.1`,
      `Host: 127.0.0.1:${this.#port}`,
      'Accept: */*',
      'Connection: close',
      ...Object.entries(call.headers ?? {}).map(([name, value]) => `${name}: ${value}`),
      ...(type === undefined ? [] : [`Content-Type: ${type}`]),
      ...(body === undefined ? [] : [`Content-Length: ${body.length}`]),
    ]
    return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body ?? Buffer.alloc(0)])
  }

  #filled(target: string): string {
    return target
      .replaceAll('{PASS}', encodeURIComponent(this.#passphrase))
      .replaceAll(/\{PASSHASH ([^}]*)\}/g, (_, message: string) => hashOf(this.#passphrase, message))
  }

  async #content(part: Part): Promise<Buffer> {
    if (part.b64 !== undefined) return Buffer.from(part.b64, 'base64')
    if (part.gz !== undefined) return gunzipSync(Buffer.from(part.gz, 'base64'))
    if (part.pki !== undefined) return readFileSync(join(this.#makePki(), part.pki))
    if (part.fetch !== undefined) return (await this.exchange({ method: 'GET', target: part.fetch })).body
    return Buffer.from(part.data ?? part.value ?? '')
  }

  /** Two pairs by the openssl command: `a.pem`, `a.key` (traditional), `a.p8`, and the same of `b`. */
  #makePki(): string {
    if (this.#pki !== undefined) return this.#pki
    const cwd = mkdtempSync(join(tmpdir(), 'hearth-pki-'))
    this.#pki = cwd
    for (const name of ['a', 'b']) {
      const made = ['-keyout', `${name}.p8`, '-out', `${name}.pem`, '-days', '30', '-subj', '/CN=localhost']
      const names = ['-addext', 'subjectAltName=DNS:localhost']
      spawnSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...made, ...names], { cwd })
      spawnSync('openssl', ['rsa', '-in', `${name}.p8`, '-out', `${name}.key`, '-traditional'], { cwd })
    }
    return cwd
  }
}

function isWhole(bytes: Buffer, method: string): boolean {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return false
  if (method === 'HEAD') return true
  const [, length] = /^content-length:\s*(\d+)/im.exec(bytes.toString('latin1', 0, end)) ?? []
  return length !== undefined && bytes.length - end - 4 >= Number(length)
}

function parse(bytes: Buffer): Answer {
  const end = bytes.indexOf('\r\n\r\n')
  const [, status] = /^HTTP\/1\.\d (\d+)/.exec(bytes.toString('latin1', 0, 20)) ?? []
  if (end < 0 || status === undefined) return { status: undefined, headers: new Map(), body: bytes }
  const lines = bytes.toString('latin1', 0, end).split('\r\n').slice(1)
  const headers = new Map(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).trim().toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  )
  const rest = bytes.subarray(end + 4)
  return {
    status: Number(status),
    headers,
    body: /chunked/.test(headers.get('transfer-encoding') ?? '') ? dechunked(rest) : rest,
  }
}

function dechunked(bytes: Buffer): Buffer {
  const pieces: Buffer[] = []
  for (let at = 0; ; ) {
    const line = bytes.indexOf('\r\n', at)
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16)
    if (line < 0 || !(size > 0)) return Buffer.concat(pieces)
    pieces.push(bytes.subarray(line + 2, line + 2 + size))
    at = line + 4 + size
  }
}

function differences({ expect, method }: Row, { status, headers, body }: Answer, ms: number): string[] {
  const found: string[] = []
  const text = body.toString('utf8')
  if (![expect.status].flat().includes(status ?? 0)) {
    found.push(`status ${status ?? 'none'}, wanted ${[expect.status].flat().join('/')}: ${text.slice(0, 200)}`)
  }
  for (const [name, value] of Object.entries(expect.headers ?? {})) {
    const got = headers.get(name.toLowerCase())
    if (!same(value, got)) found.push(`${name}: ${got}, wanted ${value}`)
  }
  const value = jsonOf(body)
  if (expect.json !== undefined && method !== 'HEAD' && !same(expect.json, value, expect.allow)) {
    found.push(`body ${text.slice(0, 300)}, wanted ${JSON.stringify(expect.json)}`)
  }
  if (expect.json_has !== undefined && !same({ ...expect.json_has, '...': 0 }, value)) {
    found.push(`body ${text.slice(0, 300)}, wanted at least ${JSON.stringify(expect.json_has)}`)
  }
  if (expect.text !== undefined && text !== expect.text) found.push(`text ${JSON.stringify(text.slice(0, 200))}`)
  if (expect.text_re !== undefined && !new RegExp(expect.text_re, 's').test(text)) {
    found.push(`text ${JSON.stringify(text.slice(0, 300))} does not match ${expect.text_re}`)
  }
  if (expect.magic !== undefined && !body.toString('hex').startsWith(expect.magic)) {
    found.push(`the body starts with ${body.toString('hex', 0, 8)}, wanted ${expect.magic}`)
  }
  if (expect.min_ms !== undefined && ms < expect.min_ms) found.push(`answered after ${Math.round(ms)} ms`)
  return found
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

/** `re:` is a pattern, `int:` any whole number, a member `...` allows others; everything else must be equal. */
function same(want: unknown, got: unknown, allow: readonly string[] = []): boolean {
  if (typeof want === 'string' && want.startsWith('re:')) {
    return typeof got === 'string' && new RegExp(want.slice(3), 's').test(got)
  }
  if (want === 'int:') return Number.isInteger(got)
  if (Array.isArray(want)) {
    return Array.isArray(got) && want.length === got.length && want.every((one, at) => same(one, got[at]))
  }
  if (typeof want !== 'object' || want === null) return want === got
  if (typeof got !== 'object' || got === null || Array.isArray(got)) return false
  const [wanted, given] = [Object.entries(want), got as Record<string, unknown>]
  const open = '...' in want
  return (
    wanted.every(([name, value]) => name === '...' || (name in given && same(value, given[name]))) &&
    (open || Object.keys(given).every((name) => name in want || allow.includes(name)))
  )
}
