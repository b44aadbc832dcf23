/**
 * Scenario tables: one line per request, asserted whole. Rows of a table run in order and may build on each other;
 * `save` keeps a value of an answer that later rows name as `{{name}}`.
 */
import { beforeAll, describe, expect, test } from 'bun:test'

export interface Scenario {
  readonly name: string
  /** `GET /data/io.cozy.notes/a`, percent-encoded as it is to go over the wire. */
  readonly request: string
  /** Sent as JSON; text is sent as it is. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Scope of the token, `nobody` for none. By default everything. */
  readonly as?: string
  readonly status: number
  /** The parsed body must hold these members (deeply); arrays must match whole, patterns match text. */
  readonly json?: unknown
  readonly contains?: readonly string[]
  readonly lacks?: readonly string[]
  /** Response headers that must be there, as text or pattern; `null`: must not be. */
  readonly answers?: Readonly<Record<string, string | RegExp | null>>
  /** Name to path in the parsed body (`data._rev`). */
  readonly save?: Readonly<Record<string, string>>
}

export interface StageRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** The server that scenarios speak to: a test server over sockets, or an application in this process. */
export interface Stage {
  fetch(path: string, init: StageRequest): Promise<Response>
  token(scope: string): Promise<string>
}

/** Declares a table. `open` is called once, before its first row. */
export function scenarios(title: string, open: () => Promise<Stage>, rows: readonly Scenario[]): void {
  describe(title, () => {
    let stage: Stage
    const saved = new Map<string, string>()
    beforeAll(async () => {
      stage = await open()
    })
    for (const row of rows) test(row.name, () => play(stage, row, saved))
  })
}

async function play(stage: Stage, row: Scenario, saved: Map<string, string>): Promise<void> {
  const [method = 'GET', path = '/'] = fill(row.request, saved).split(' ')
  const headers: Record<string, string> = {}
  const { as = '*' } = row
  if (as !== 'nobody') headers['authorization'] = `Bearer ${await stage.token(as)}`
  if (row.body !== undefined && typeof row.body !== 'string') headers['content-type'] = 'application/json'
  for (const [name, value] of Object.entries(row.headers ?? {})) headers[name] = fill(value, saved)
  const body = typeof row.body === 'string' ? row.body : JSON.stringify(row.body)
  const sent = body === undefined ? {} : { body: fill(body, saved) }
  const answer = await stage.fetch(path, { method, headers, ...sent })
  const text = await answer.text()
  expect(`${answer.status} ${text}`).toStartWith(`${row.status} `)
  for (const [name, place] of Object.entries(row.save ?? {})) saved.set(name, `${at(JSON.parse(text), place)}`)
  if (row.json !== undefined) expect(JSON.parse(text)).toMatchObject(expected(row.json, saved) as object)
  for (const part of row.contains ?? []) expect(text).toContain(fill(part, saved))
  for (const part of row.lacks ?? []) expect(text).not.toContain(fill(part, saved))
  for (const [name, wanted] of Object.entries(row.answers ?? {})) {
    const value = answer.headers.get(name)
    if (wanted === null) expect(value).toBeNull()
    else if (typeof wanted === 'string') expect(value).toBe(fill(wanted, saved))
    else expect(value).toMatch(wanted)
  }
}

function fill(text: string, saved: ReadonlyMap<string, string>): string {
  return text.replaceAll(/\{\{(\w+)\}\}/g, (whole, name: string) => saved.get(name) ?? whole)
}

/** Saved values filled in; patterns become matchers. */
function expected(value: unknown, saved: ReadonlyMap<string, string>): unknown {
  if (typeof value === 'string') return fill(value, saved)
  if (value instanceof RegExp) return expect.stringMatching(value)
  if (Array.isArray(value)) return value.map((item) => expected(item, saved))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, expected(member, saved)]))
}

function at(value: unknown, place: string): unknown {
  return place.split('.').reduce<unknown>((inside, name) => (inside as Record<string, unknown>)[name], value)
}
