/**
 * Every operation of the sync listener, as its own description lists them, with values that fit, almost fit and do not fit
 * at all. No answer is a failure of the server, and every refusal has the one shape. `HEARTH_TEST_SYNC_SEED=N` repeats a run,
 * `HEARTH_TEST_SYNC_FUZZ=N` sends that many for each operation.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type SyncServer, startSyncServer } from './server.ts'

const seed = Number(process.env['HEARTH_TEST_SYNC_SEED'] ?? Math.floor(Math.random() * 1e9))
const times = Number(process.env['HEARTH_TEST_SYNC_FUZZ'] ?? 40)

let server: SyncServer
beforeAll(async () => {
  server = await startSyncServer()
}, 60_000)
afterAll(async () => {
  await server.stop()
  server.clean()
})

/** Numbers from 0 (included) to 1 (excluded), the same for the same seed (mulberry32). */
let state = seed
function random(): number {
  state = (state + 0x6d2b79f5) | 0
  let t = Math.imul(state ^ (state >>> 15), 1 | state)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
}
const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T

const texts = [
  'A',
  'B',
  '',
  ' ',
  'R€p1',
  'no such',
  '../../etc/passwd',
  '.',
  '..',
  'a/b',
  'a:b',
  '\0',
  '\u{1f600}',
  '\ud800',
  'x'.repeat(300),
  '0',
  '1',
  '-1',
  '1e9',
  '999999999999999999999',
  'true',
  "' OR 1=1 --",
  '91473751-8e49-5240-b03c-96547fcd86dc',
  '00000000-0000-0000-0000-000000000000',
  'local_storage',
  's3',
  'this',
  '/',
  '/papers/',
  'image/*',
]
const odd: readonly unknown[] = [null, true, 0, -1, 1.5, 1e308, '', 'x', [], {}, [null], { a: { b: [1] } }]

interface Schema {
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly additionalProperties?: boolean | Schema
}

/** A value that fits a schema, or now and then does not. */
function newValue(schema: Schema | undefined, depth = 0): unknown {
  if (schema === undefined || depth > 5 || random() < 0.12) return pick([...odd, ...texts])
  if (schema.const !== undefined) return schema.const
  if (schema.enum !== undefined) return pick(schema.enum)
  if (schema.anyOf !== undefined) return newValue(pick(schema.anyOf), depth + 1)
  switch (schema.type) {
    case 'object': {
      const members = Object.entries(schema.properties ?? {}).filter(() => random() < 0.85)
      const object: Record<string, unknown> = {}
      for (const [name, inner] of members) object[name] = newValue(inner, depth + 1)
      if (random() < 0.15) object[pick(texts)] = pick(odd)
      if (schema.properties === undefined && random() < 0.5) object['root'] = `${server.freeRoot}/${pick(['a', 'b'])}`
      return object
    }
    case 'array':
      return Array.from({ length: Math.floor(random() * 4) }, () => newValue(schema.items, depth + 1))
    case 'number':
    case 'integer':
      return pick([0, 1, -1, 20, 1e15, 1.5])
    case 'boolean':
      return random() < 0.5
    default:
      return pick(texts)
  }
}

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: Schema }>> }
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> }
}

/** In a URL: percent-encoded, and now and then badly. */
function inUrl(text: string): string {
  if (random() < 0.05) return pick(['%', '%zz', '%ff', '%C3', '%00'])
  return encodeURIComponent(text.toWellFormed())
}

function bodyOf(operation: Operation): string | undefined {
  const schema = Object.values(operation.requestBody?.content ?? {})[0]?.schema
  const dice = random()
  if (schema === undefined) return dice < 0.8 ? undefined : pick(['{}', 'x', ''])
  if (dice < 0.08) return pick(['', '{', '[]', 'null', '"x"', '{"rules":', '\ufeff{}', '[[[[[[[[', '{"a":1e999}'])
  return JSON.stringify(newValue(schema))
}

test(`what the description promises, seed ${seed} -> no failure of the server, one shape of refusals`, async () => {
  const described = await server.fetch(`${server.syncUrl}/openapi.json`)
  expect(described.status).toBe(200)
  const { paths } = (await described.json()) as Document
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  )
  expect(operations.length).toBeGreaterThan(25)
  const wrong: string[] = []
  const seen = new Set<number>()
  for (let round = 0; round < times; round++) {
    for (const { path, method, operation } of operations) {
      // It never ends.
      if (path.endsWith('/events')) continue
      const target = path.replaceAll(/\{[^}]*\}/g, () => inUrl(pick(texts)))
      const query = (operation.parameters ?? [])
        .filter((one) => one.in === 'query' && random() < 0.6)
        .map(({ name }) => `${name}=${inUrl(pick(texts))}`)
      const body = bodyOf(operation)
      const type = random() < 0.9 ? 'application/json' : pick(['text/plain', 'application/json; charset=latin1', 'x'])
      const url = `${server.syncUrl}${target}${query.length > 0 ? `?${query.join('&')}` : ''}`
      const response = await server.fetch(url, {
        method,
        headers: {
          authorization: `Bearer ${server.syncToken}`,
          ...(body === undefined ? {} : { 'content-type': type }),
        },
        ...(body === undefined ? {} : { body }),
      })
      seen.add(response.status)
      const text = await response.text()
      const say = () =>
        wrong.push(`${method} ${url.slice(server.syncUrl.length)} ${body ?? ''} -> ${response.status} ${text}`)
      // For a moment nobody may lead.
      if (response.status >= 500 && response.status !== 503) say()
      if (response.status < 400 || method === 'HEAD') continue
      try {
        const refusal = JSON.parse(text) as Record<string, unknown>
        const isRight =
          refusal['status'] === 'error' && typeof refusal['reason'] === 'string' && refusal['reason'] !== ''
        if (!isRight || Object.keys(refusal).length !== 2) say()
      } catch {
        say()
      }
    }
  }
  expect(wrong.slice(0, 5)).toEqual([])
  expect([200, 400, 404, 422].filter((status) => !seen.has(status))).toEqual([])
  // It still works.
  expect((await server.ask('GET', '/api/v1.1/status')).status).toBe(200)
}, 120_000)
