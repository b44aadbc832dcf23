/** What every table of bad input has in common: a tenant with a document in it that must survive everything unchanged. */
import { expect } from 'bun:test'
import { sharedServer, type TestServer } from '../../support/server.ts'

/** Both faces over one engine; `DB` is what a table's requests are about. */
export const faces = ['data', 'couchdb'] as const
export type FaceName = (typeof faces)[number]

export interface Reply {
  readonly status: number
  readonly text: string
  readonly headers: Headers
  readonly ms: number
}

export interface Target {
  readonly server: TestServer
  readonly domain: string
  readonly token: string
  readonly db: string
  /** `POST /data/{db}/x`. Text and bytes are sent as they are, anything else as JSON. */
  ask(request: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Reply>
  /** The document of before reads as before through every door, and no request failed in the server's eyes. */
  unharmed(): Promise<void>
}

const domain = 'bad-input.test'
const sentinel = {
  _id: 'sentinel/é',
  text: 'unchanged \u0000 \u2028 \ud83c\udf88',
  nested: { constructor: 1, 'a.b': [null, true, 1.5] },
}

/** A database of its own on the server of the whole run. */
export async function openTarget(db: string): Promise<Target> {
  const server = await sharedServer()
  await server.createInstance(domain).catch((error: unknown) => {
    if (!String(error).includes('409')) throw error
  })
  const token = await server.token('*', { domain })
  const ask: Target['ask'] = async (request, body, headers = {}) => {
    const space = request.indexOf(' ')
    const path = request.slice(space + 1).replaceAll('{db}', db)
    const raw = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
    const started = performance.now()
    const response = await server.fetch(path, {
      method: request.slice(0, space),
      headers: { host: domain, authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      ...(raw === undefined ? {} : { body: raw }),
    })
    const text = await response.text()
    return { status: response.status, text, headers: response.headers, ms: performance.now() - started }
  }
  await ask('PUT /couchdb/{db}')
  const made = await ask('POST /couchdb/{db}/_bulk_docs', { docs: [sentinel] })
  expect(made.status).toBe(201)
  const doors = [
    'GET /data/{db}/sentinel%2F%C3%A9',
    'GET /couchdb/{db}/sentinel%2F%C3%A9?revs=true&conflicts=true',
    'GET /couchdb/{db}/_all_docs?include_docs=true&keys=%5B%22sentinel%2F%C3%A9%22%5D',
  ]
  const look = async () => {
    const seen: string[] = []
    for (const door of doors) {
      const { status, text } = await ask(door)
      // The rest of the database may change: of the list only the row counts.
      seen.push(`${status} ${text.replace(/^\{"total_rows":\d+/, '')}`)
    }
    return seen
  }
  const before = await look()
  expect(before.join()).toContain('unchanged \\u0000')
  const logged = server.output.stderr.length
  return {
    server,
    domain,
    token,
    db,
    ask,
    async unharmed() {
      expect(await look()).toEqual(before)
      const failures = server.output.stderr.slice(logged).split('\n')
      expect(
        failures.filter((line) => /request failed|answered with a failure.*"status":500|Error:/.test(line)),
      ).toEqual([])
    },
  }
}

/** A refusal in the client's own terms: this status, a JSON body whose `error` (or `errors`) says something. */
export function expectRefusal(reply: Reply, status: number | readonly number[], what = ''): void {
  const { text } = reply
  expect(`${what} ${reply.status} ${text.slice(0, 300)}`).toMatch(
    new RegExp(`^.* (?:${[status].flat().join('|')}) `, 's'),
  )
  expect(reply.headers.get('content-type')).toMatch(/^application\/(vnd\.api\+)?json/)
  const body = JSON.parse(text) as { error?: unknown; errors?: unknown }
  expect(typeof body.error === 'string' || typeof body === 'string' || Array.isArray(body.errors)).toBe(true)
  expect(text).not.toMatch(/node_modules|\.ts:\d|PostgresError|SELECT /)
}
