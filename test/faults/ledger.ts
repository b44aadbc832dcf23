/**
 * Writers that remember what the server acknowledged, so that a test can say what must be there after a disaster: a write
 * that was answered, exactly; one without an answer, wholly or not at all.
 */
import type { TestServer } from '../support/server.ts'

/** What a document may be: its number (every write has another one) or `undefined` when it is not there. */
interface State {
  readonly n: number | undefined
  /** Known once it was acknowledged or seen. */
  readonly rev: string | undefined
}

interface Row {
  readonly id: string
  readonly rev: string
  readonly n: number | undefined
}

const absent: State = { n: undefined, rev: undefined }

export class Ledger {
  /** One state when it is certain, more while answers are missing. */
  readonly #documents = new Map<string, readonly State[]>()
  /** Numbers of documents whose id the server would have told. */
  readonly #unnamed = new Set<number>()
  #numbers = 0
  acknowledged = 0

  number(): number {
    this.#numbers += 1
    return this.#numbers
  }

  /** A write is about to be sent; without an id the server makes one. */
  begin(id: string | undefined, n: number | undefined): void {
    if (id === undefined) this.#unnamed.add(n ?? 0)
    else this.#documents.set(id, [...(this.#documents.get(id) ?? [absent]), { n, rev: undefined }])
  }

  acknowledge(id: string, n: number | undefined, rev: string): void {
    const before = this.#documents.get(id)?.[0]?.rev
    if (before !== undefined && generation(rev) !== generation(before) + 1) {
      throw new Error(`${id}: ${rev} was acknowledged as the successor of ${before}`)
    }
    this.#unnamed.delete(n ?? 0)
    this.#documents.set(id, [{ n, rev }])
    this.acknowledged += 1
  }

  /** Everything that contradicts what was acknowledged. What was uncertain is certain from now on. */
  compare(rows: readonly Row[]): string[] {
    const wrong: string[] = []
    const found = new Map(rows.map((row) => [row.id, row]))
    const numbers = new Set<number>()
    for (const { id, n, rev } of rows) {
      if (n !== undefined && numbers.has(n)) wrong.push(`${id}: number ${n} was written twice`)
      if (n !== undefined) numbers.add(n)
      if (this.#documents.has(id)) continue
      if (n === undefined || !this.#unnamed.delete(n)) wrong.push(`${id}: nobody wrote number ${n}`)
      this.#documents.set(id, [{ n, rev }])
    }
    for (const [id, states] of this.#documents) {
      const row = found.get(id)
      const fits = states.some((state) => state.n === row?.n && (state.rev === undefined || state.rev === row?.rev))
      if (!fits) wrong.push(`${id}: ${JSON.stringify(row)} instead of ${JSON.stringify(states)}`)
      this.#documents.set(id, [{ n: row?.n, rev: row?.rev }])
    }
    this.#unnamed.clear()
    return wrong
  }

  /** All ids that were ever written, to be read. */
  ids(): string[] {
    return [...this.#documents.keys()]
  }

  live(prefix: string): (readonly [string, State])[] {
    return [...this.#documents].flatMap(([id, [state, ...others]]) =>
      id.startsWith(prefix) && state?.n !== undefined && state.rev !== undefined && others.length === 0
        ? [[id, state] as const]
        : [],
    )
  }
}

export interface Answer {
  readonly status: number
  readonly body: unknown
}

export type Ask = (method: string, path: string, body?: unknown) => Promise<Answer>

/** Requests with a token; answers must be JSON. */
export function asking(server: TestServer, token: string): Ask {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json' }
  return async (method, path, body) => {
    const given = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) }
    const response = await server.fetch(path, given)
    const text = await response.text()
    return { status: response.status, body: JSON.parse(text) }
  }
}

/** Everything in a database that the ledger knows of, and whatever else is there; deleted ones without a number. */
export async function readAll(ask: Ask, type: string, ledger: Ledger): Promise<Row[]> {
  interface Listed {
    readonly rows: readonly {
      readonly id?: string
      readonly value?: { readonly rev: string; readonly deleted?: boolean }
      readonly doc?: { readonly n?: number } | null
    }[]
  }
  const read = async (path: string, body?: unknown) => {
    const answer = await ask(body ? 'POST' : 'GET', `/couchdb/${encodeURIComponent(type)}/${path}`, body)
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return (answer.body as Listed).rows.flatMap(({ id, value, doc }): Row[] =>
      id !== undefined && value && !id.startsWith('_design/') ? [{ id, rev: value.rev, n: doc?.n }] : [],
    )
  }
  const known = await read('_all_docs?include_docs=true', { keys: ledger.ids() })
  const ids = new Set(known.map(({ id }) => id))
  const live = await read('_all_docs?include_docs=true')
  return [...known, ...live.filter(({ id }) => !ids.has(id))]
}

/** One client that writes one request after another to documents of its own, over both faces. */
export class Writer {
  readonly #ask: Ask
  readonly #type: string
  readonly #name: string
  readonly #ledger: Ledger

  constructor(ask: Ask, type: string, name: string, ledger: Ledger) {
    this.#ask = ask
    this.#type = type
    this.#name = name
    this.#ledger = ledger
  }

  /** Rejects when the connection broke: the outcome is unknown. Gives the status. */
  async step(): Promise<number> {
    const mine = this.#ledger.live(`${this.#name}-`)
    const [id, state] = mine[Math.floor(Math.random() * mine.length)] ?? []
    const kind = Math.floor(Math.random() * 10)
    if (kind < 3) return this.#post()
    if (kind < 5) return this.#bulk(mine.slice(0, 2))
    if (kind < 6 || id === undefined || state?.rev === undefined) return this.#put(this.#newId(), undefined)
    return kind < 9 ? this.#put(id, state.rev) : this.#remove(id, state.rev)
  }

  async #post(): Promise<number> {
    const n = this.#ledger.number()
    this.#ledger.begin(undefined, n)
    const { status, body } = await this.#ask('POST', `/data/${this.#type}/`, { n, by: this.#name })
    const { id, rev } = body as { id: string; rev: string }
    if (status === 201) this.#ledger.acknowledge(id, n, rev)
    return status
  }

  async #put(id: string, rev: string | undefined): Promise<number> {
    const n = this.#ledger.number()
    this.#ledger.begin(id, n)
    const document = { n, ...(rev === undefined ? {} : { _rev: rev }) }
    const { status, body } = await this.#ask('PUT', `/data/${this.#type}/${id}`, document)
    if (status === 200) this.#ledger.acknowledge(id, n, (body as { rev: string }).rev)
    return status
  }

  async #remove(id: string, rev: string): Promise<number> {
    this.#ledger.begin(id, undefined)
    const { status, body } = await this.#ask('DELETE', `/couchdb/${this.#type}/${id}?rev=${rev}`)
    if (status === 200) this.#ledger.acknowledge(id, undefined, (body as { rev: string }).rev)
    return status
  }

  async #bulk(updated: readonly (readonly [string, { readonly rev: string | undefined }])[]): Promise<number> {
    const numbers = new Map<string, number>()
    const docs = [
      ...updated.map(([id, { rev }]) => ({ _id: id, _rev: rev })),
      ...[1, 2, 3].map(() => ({ _id: this.#newId() })),
    ]
    const sent = docs.map((doc) => {
      const n = this.#ledger.number()
      numbers.set(doc._id, n)
      this.#ledger.begin(doc._id, n)
      return { ...doc, n }
    })
    const { status, body } = await this.#ask('POST', `/couchdb/${this.#type}/_bulk_docs`, { docs: sent })
    if (status === 201) {
      for (const row of body as { ok?: boolean; id: string; rev: string }[]) {
        if (!row.ok) throw new Error(`a bulk write was refused: ${JSON.stringify(row)}`)
        this.#ledger.acknowledge(row.id, numbers.get(row.id), row.rev)
      }
    }
    return status
  }

  #newId(): string {
    return `${this.#name}-${this.#ledger.number()}`
  }
}

function generation(rev: string): number {
  return Number(rev.split('-')[0])
}
