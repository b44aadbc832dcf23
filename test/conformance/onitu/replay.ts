/** Sends recorded requests again and compares the answers, as the original's recording says what counts. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

export interface Asked {
  readonly method: string
  readonly target: string
  readonly body?: unknown
  readonly type?: string
  readonly accept?: string
}

interface Poll {
  readonly target: string
  readonly status?: number
  readonly has?: string
  readonly hasnot?: string
  readonly json?: unknown
  readonly ms?: number
}

interface Step extends Partial<Asked> {
  readonly sleep?: number
  readonly write?: string
  readonly data?: string
  readonly size?: number
  readonly entry?: string
  readonly mkdir?: string
  readonly remove?: string
  readonly rename?: readonly [string, string]
  readonly poll?: Poll
}

export interface Row extends Asked {
  readonly name: string
  readonly phase: string
  readonly class: 'contract' | 'observed' | 'defect'
  readonly before?: readonly Step[]
  readonly after?: readonly Step[]
  readonly expect: {
    readonly status: number | readonly number[]
    readonly headers?: Readonly<Record<string, unknown>>
    readonly json?: unknown
  }
  readonly note?: string
}

export interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

export interface ReplayTarget {
  readonly url: string
  /** Folders of the entries. */
  readonly roots: Readonly<Record<string, string>>
}

/** Sends a request exactly as it is written, the target undecoded. */
export function send({ url }: Pick<ReplayTarget, 'url'>, asked: Asked): Promise<Answered> {
  const { hostname, port } = new URL(url)
  const body =
    asked.body === undefined ? undefined : typeof asked.body === 'string' ? asked.body : JSON.stringify(asked.body)
  const headers: Record<string, string> = { accept: asked.accept ?? 'application/json' }
  if (body !== undefined) headers['content-type'] = asked.type ?? 'application/json'
  headers['content-length'] = `${Buffer.byteLength(body ?? '')}`
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method: asked.method, path: asked.target, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: Buffer.concat(chunks).toString(),
        }),
      )
    })
    sent.on('error', reject)
    sent.end(body ?? '')
  })
}

/** Runs a row; gives what disagrees. */
export async function replay(target: ReplayTarget, row: Row): Promise<string[]> {
  for (const step of row.before ?? []) await perform(target, step)
  const answered = await send(target, row)
  for (const step of row.after ?? []) await perform(target, step)
  const { expect } = row
  const wrong: string[] = []
  const statuses = [expect.status].flat()
  if (!statuses.includes(answered.status)) wrong.push(`status ${answered.status}, wanted ${statuses.join(' or ')}`)
  for (const [name, wanted] of Object.entries(expect.headers ?? {})) {
    const got = answered.headers[name.toLowerCase()]
    if (!isSame(wanted, got)) wrong.push(`${name}: ${got}, wanted ${wanted}`)
  }
  if (expect.json !== undefined && !isSame(expect.json, parsed(answered.text))) {
    wrong.push(`body ${answered.text.slice(0, 400)}, wanted ${JSON.stringify(expect.json).slice(0, 400)}`)
  }
  return wrong
}

async function perform(target: ReplayTarget, step: Step): Promise<void> {
  const at = (name: string) => join(target.roots[step.entry ?? ''] ?? '', name)
  if (step.sleep !== undefined) await pause(step.sleep * 1_000)
  else if (step.write !== undefined) {
    mkdirSync(dirname(at(step.write)), { recursive: true })
    writeFileSync(at(step.write), step.data ?? Buffer.alloc(step.size ?? 0))
  } else if (step.mkdir !== undefined) mkdirSync(at(step.mkdir), { recursive: true })
  else if (step.remove !== undefined) rmSync(at(step.remove), { force: true })
  else if (step.rename !== undefined) renameSync(at(step.rename[0]), at(step.rename[1]))
  else if (step.poll !== undefined) await poll(target, step.poll)
  else if (step.method !== undefined && step.target !== undefined) await send(target, step as Asked)
}

async function poll(target: ReplayTarget, wanted: Poll): Promise<void> {
  const deadline = Date.now() + (wanted.ms ?? 15_000)
  while (Date.now() < deadline) {
    const { status, text } = await send(target, { method: 'GET', target: wanted.target })
    const isThere =
      status === (wanted.status ?? 200) &&
      (wanted.has === undefined || text.includes(wanted.has)) &&
      (wanted.hasnot === undefined || !text.includes(wanted.hasnot)) &&
      (wanted.json === undefined || isSame(wanted.json, parsed(text)))
    if (isThere) return
    await pause(100)
  }
}

/**
 * `re:...` a pattern, `num:` a number, `int:` a whole one, `now:` seconds since 1970 within a minute, `{"set:": [...]}` a
 * list in any order, a member `...` allows more of them; everything else must be equal.
 */
export function isSame(wanted: unknown, got: unknown): boolean {
  if (typeof wanted === 'string') {
    if (wanted.startsWith('re:')) return typeof got === 'string' && new RegExp(wanted.slice(3), 's').test(got)
    if (wanted === 'num:') return typeof got === 'number'
    if (wanted === 'int:') return Number.isInteger(got)
    if (wanted === 'now:') return typeof got === 'number' && Math.abs(got - Date.now() / 1_000) < 60
    return wanted === got
  }
  if (Array.isArray(wanted)) {
    return Array.isArray(got) && got.length === wanted.length && wanted.every((one, at) => isSame(one, got[at]))
  }
  if (typeof wanted !== 'object' || wanted === null) return wanted === got
  if ('set:' in wanted) return isSameSet(wanted['set:'] as unknown[], got)
  if (typeof got !== 'object' || got === null || Array.isArray(got)) return false
  const members = Object.entries(wanted).filter(([key]) => key !== '...')
  const has = members.every(([key, value]) => key in got && isSame(value, (got as Record<string, unknown>)[key]))
  return has && ('...' in wanted || Object.keys(got).every((key) => key in wanted))
}

function isSameSet(wanted: unknown[], got: unknown): boolean {
  if (!Array.isArray(got) || got.length !== wanted.length) return false
  const rest = [...(got as unknown[])]
  return wanted.every((one) => {
    const at = rest.findIndex((candidate) => isSame(one, candidate))
    if (at >= 0) rest.splice(at, 1)
    return at >= 0
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
