/**
 * Plays the recorded cases against a server's CouchDB face and compares. The Python replayer that came with the cases is
 * the reference for what is substituted, normalised and compared.
 */
import { type Case, loadScenarios, type Scenario } from './cases.ts'
import { type Difference, firstDifference, same } from './compare.ts'
import { Normaliser } from './normalise.ts'
import { RawClient } from './raw-client.ts'
import { parseRecorded, printRecorded, type Recorded } from './recorded-json.ts'

export interface ReplayOptions {
  /** Base of the CouchDB face, such as `http://127.0.0.1:8080/couchdb`. */
  readonly url: string
  /** `Host` header: the tenant. */
  readonly hostHeader: string
  readonly token: string
  /** Categories (prefixes) to count; all when absent. Set-up requests are sent anyway. */
  readonly only?: readonly string[]
  /** Cases not to send at all. */
  readonly skip?: (recorded: Case) => boolean
  /** Scenarios played at the same time. */
  readonly parallel?: number
}

export interface CaseDifference extends Difference {
  readonly recorded: Case
  readonly gotStatus: number
  readonly gotAnswer: Recorded
}

export interface ReplayReport {
  readonly agree: number
  readonly total: number
  readonly byCategory: ReadonlyMap<string, { agree: number; total: number }>
  readonly differences: readonly CaseDifference[]
  /** Set-up requests that were answered differently; they are not in `total`. */
  readonly setupDifferences: readonly CaseDifference[]
  /** Counted cases left out by `skip`. */
  readonly skipped: number
}

/** Plays all scenarios. Databases are made and dropped; a transport failure counts as status 599. */
export async function replay(options: ReplayOptions): Promise<ReplayReport> {
  const server = new RawClient({ ...options, connections: options.parallel ?? 4 })
  const report = new Report()
  const waiting = [...loadScenarios()]
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await playScenario(next, server, options, report)
    }
  }
  try {
    await Promise.all(Array.from({ length: options.parallel ?? 4 }, worker))
  } finally {
    server.close()
  }
  return report
}

async function playScenario(
  scenario: Scenario,
  server: RawClient,
  options: ReplayOptions,
  report: Report,
): Promise<void> {
  const counted = (recorded: Case) =>
    !recorded.setup && (options.only?.some((prefix) => recorded.category.startsWith(prefix)) ?? true)
  if (!scenario.cases.some(counted)) return
  const session = new Session(server, scenario.database)
  await session.open()
  for (const recorded of scenario.cases) {
    if (options.skip?.(recorded)) {
      if (counted(recorded)) report.skipped++
      continue
    }
    const got = await session.play(recorded)
    if (recorded.setup) report.setup(recorded, got)
    else if (counted(recorded)) report.count(recorded, got)
  }
  await session.close()
}

interface Answer {
  readonly status: number
  readonly answer: Recorded
}

class Report implements ReplayReport {
  agree = 0
  total = 0
  skipped = 0
  readonly byCategory = new Map<string, { agree: number; total: number }>()
  readonly differences: CaseDifference[] = []
  readonly setupDifferences: CaseDifference[] = []

  count(recorded: Case, got: Answer): void {
    const category = this.byCategory.get(recorded.category) ?? { agree: 0, total: 0 }
    this.byCategory.set(recorded.category, category)
    category.total++
    this.total++
    const difference = compare(recorded, got)
    if (difference !== undefined) {
      this.differences.push(difference)
      return
    }
    category.agree++
    this.agree++
  }

  setup(recorded: Case, got: Answer): void {
    const difference = compare(recorded, got)
    if (difference !== undefined) this.setupDifferences.push(difference)
  }
}

function compare(recorded: Case, got: Answer): CaseDifference | undefined {
  const found = { recorded, gotStatus: got.status, gotAnswer: got.answer }
  if (recorded.status !== got.status) {
    return { ...found, where: 'status', want: BigInt(recorded.status), got: BigInt(got.status) }
  }
  if (same(recorded.answer, got.answer)) return undefined
  return {
    ...found,
    ...(firstDifference(recorded.answer, got.answer) ?? { where: '.', want: recorded.answer, got: got.answer }),
  }
}

/** One scenario's run on a fresh database: what it captured so far, and what it learnt about revisions. */
class Session {
  readonly #server: RawClient
  readonly #database: string
  readonly #captured = new Map<string, Recorded>()
  readonly #normaliser = new Normaliser()

  constructor(server: RawClient, database: string) {
    this.#server = server
    this.#database = `/${database}`
  }

  async open(): Promise<void> {
    await this.#server.send('DELETE', this.#database)
    const made = await this.#server.send('PUT', this.#database, { 'Content-Type': 'application/json' })
    if (made.status !== 201 && made.status !== 202) {
      throw new Error(`cannot create ${this.#database}: ${made.status} ${new TextDecoder().decode(made.data)}`)
    }
  }

  async close(): Promise<void> {
    await this.#server.send('DELETE', this.#database)
  }

  async play(recorded: Case): Promise<Answer> {
    const headers: Record<string, string> = { 'Content-Type': 'application/json', Accept: 'application/json' }
    for (const [name, value] of recorded.headers) headers[name] = this.#fill(value)
    const sent = await this.#server.send(recorded.method, this.#target(recorded), headers, this.#body(recorded))
    if (recorded.captures.size > 0) this.#capture(recorded, sent.data)
    if (sent.status < 300) await this.#awaitIndex(recorded, sent.data)
    const answer = this.#normaliser.response(sent.status, sent.data, recorded.rules, recorded.method)
    return { status: sent.status, answer }
  }

  #target(recorded: Case): string {
    const path = recorded.path.replace(/\{\{(\w+)\}\}/g, (_, name: string) => quote(this.#value(name, 'MISSING')))
    if (recorded.query.length === 0) return this.#database + path
    const query = recorded.query.map(([name, value]) => `${quotePlus(name)}=${quotePlus(this.#fill(value))}`)
    return `${this.#database}${path}?${query.join('&')}`
  }

  #body(recorded: Case): string | undefined {
    const query = recorded.query.map(([name, value]) => [name, value])
    if (recorded.body === undefined || 'raw' in recorded.body) {
      this.#normaliser.request(query)
      return recorded.body?.raw
    }
    this.#normaliser.request([recorded.body.json, query])
    this.#normaliser.revisions(recorded.body.json)
    return printRecorded(this.#fillAll(recorded.body.json))
  }

  #fillAll(value: Recorded): Recorded {
    if (typeof value === 'string') return this.#fill(value)
    if (Array.isArray(value)) return value.map((item) => this.#fillAll(item))
    if (value instanceof Map) return new Map([...value].map(([name, item]) => [name, this.#fillAll(item)]))
    return value
  }

  #fill(text: string): string {
    return text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => this.#value(name, `MISSING-${name}`))
  }

  #value(name: string, absent: string): string {
    const value = this.#captured.get(name)
    return value === undefined ? absent : String(value)
  }

  #capture(recorded: Case, data: Uint8Array): void {
    const answer = parsed(data)
    for (const [name, path] of recorded.captures) {
      const value = path.reduce<Recorded | undefined>(step, answer)
      if (value === undefined || value === null) continue
      this.#captured.set(name, value)
      this.#normaliser.learn(name, value)
    }
  }

  /** CouchDB lists indexes with a delay; a server whose listing is current passes at the first look. */
  async #awaitIndex(recorded: Case, data: Uint8Array): Promise<void> {
    const wanted = indexToAwait(recorded, data)
    if (wanted === undefined) return
    for (let look = 0; look < 30; look++) {
      const listing = parsed(
        (await this.#server.send('GET', `${this.#database}/_index`, { Accept: 'application/json' })).data,
      )
      const indexes = step(listing, 'indexes')
      if (!Array.isArray(indexes)) return
      const seen = indexes.some((index) => step(index, 'ddoc') === wanted.ddoc && step(index, 'name') === wanted.name)
      if (seen === wanted.listed) return
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

function indexToAwait(
  recorded: Case,
  data: Uint8Array,
): { ddoc: Recorded; name: Recorded; listed: boolean } | undefined {
  if (recorded.path === '/_index' && recorded.method === 'POST') {
    const answer = parsed(data)
    if (step(answer, 'result') !== 'created') return undefined
    return { ddoc: step(answer, 'id') ?? null, name: step(answer, 'name') ?? null, listed: true }
  }
  if (recorded.path.startsWith('/_index/') && recorded.method === 'DELETE') {
    const [, , ddoc, , name] = recorded.path.split('/')
    return { ddoc: `_design/${ddoc}`, name: name ?? null, listed: false }
  }
  return undefined
}

function step(value: Recorded | undefined, key: string | number): Recorded | undefined {
  if (value instanceof Map) return value.get(String(key))
  return Array.isArray(value) ? value[Number(key)] : undefined
}

function parsed(data: Uint8Array): Recorded | undefined {
  try {
    return parseRecorded(new TextDecoder('utf-8', { fatal: true }).decode(data))
  } catch {
    return undefined
  }
}

function quote(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
}

function quotePlus(text: string): string {
  return quote(text).replaceAll('%20', '+')
}
