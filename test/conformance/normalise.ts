/**
 * What a recorded answer and a live one are reduced to before they are compared: revisions that a server may choose
 * become their generation, generated ids and captured revisions become symbols, sequences and bookmarks disappear.
 * One `Normaliser` lives as long as one scenario, because it learns which revisions the client chose itself.
 */
import { byCodePoint, canonical, parseRecorded, printRecorded, type Recorded } from './recorded-json.ts'

type Members = Map<string, Recorded>

const revision = /^[0-9]+-[0-9a-f]{32}$/
const anyRevision = /[0-9]+-[0-9a-f]{32}/g
const sequences = new Set(['seq', 'last_seq', 'update_seq', '_local_seq', 'purge_seq'])
const revisionSets = new Set(['missing', 'possible_ancestors', '_conflicts', '_deleted_conflicts'])
/** Statuses whose reason clients read; other reasons are free text. */
const reasonsKept = new Set([404, 409, 412])

export class Normaliser {
  readonly #symbols = new Map<string, string>()
  readonly #chosen = new Set<string>()

  /** A value captured from an answer under a name. */
  learn(name: string, value: Recorded): void {
    if (typeof value !== 'string' || !/^(r|w|id)/.test(name) || name.startsWith('lr')) return
    if (!this.#symbols.has(value)) this.#symbols.set(value, `<${name}>`)
  }

  /** What the client sends: its revisions are compared as they are. */
  request(sent: Recorded): void {
    for (const [found] of printRecorded(sent, { ascii: true }).matchAll(anyRevision)) this.#chosen.add(found)
  }

  /** Bare hashes in `_revisions` of a body. */
  revisions(body: Recorded): void {
    if (Array.isArray(body)) {
      for (const item of body) this.revisions(item)
    } else if (body instanceof Map) {
      const path = body.get('_revisions')
      if (path instanceof Map) for (const rev of pathRevisions(path) ?? []) this.#chosen.add(rev)
      for (const item of body.values()) this.revisions(item)
    }
  }

  /** The comparable form of an answer; `undefined` text stands for an empty body. */
  response(status: number, data: Uint8Array, rules: readonly string[], method: string): Recorded {
    let text: string
    try {
      text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data)
    } catch {
      return new Map([['<text>', new TextDecoder().decode(data).slice(0, 200)]])
    }
    if (method === 'HEAD' || text.trim() === '') return null
    let value: Recorded
    try {
      value = parseRecorded(text)
    } catch {
      return new Map([['<text>', text.slice(0, 200)]])
    }
    try {
      return status >= 400 ? failure(status, value) : this.#success(value, new Set(rules))
    } catch (error) {
      return new Map([
        ['<odd answer>', String(error)],
        ['<text>', text.slice(0, 300)],
      ])
    }
  }

  #success(answer: Recorded, rules: ReadonlySet<string>): Recorded {
    if (answer instanceof Map) {
      if (rules.has('dbinfo')) return pick(answer, ['doc_count', 'doc_del_count'])
      if (rules.has('explain') && answer.has('index')) return chosenIndex(answer)
      if (rules.has('indexes')) sortMember(answer, 'indexes', indexKey)
    }
    const walked = this.#walk(answer)
    if (walked instanceof Map) arrange(walked, rules)
    if (rules.has('sort_list') && Array.isArray(walked)) sortBy(walked, canonical)
    return walked
  }

  #walk(value: Recorded, name?: string): Recorded {
    if (typeof value === 'string') return this.#text(value)
    if (Array.isArray(value)) return this.#list(value, name)
    if (!(value instanceof Map)) return value
    const members: Members = new Map()
    for (const [key, item] of value) members.set(key, this.#member(key, item))
    return members
  }

  #member(key: string, item: Recorded): Recorded {
    if (sequences.has(key) && item !== null) return '<seq>'
    if (key === 'bookmark') return item === 'nil' ? item : '<bm>'
    if (key === 'warning') return '<warning>'
    if (key === '_revisions' && item instanceof Map) {
      const path = pathRevisions(item)
      if (path !== undefined) return path.map((rev) => this.#text(rev))
    }
    return this.#walk(item, key)
  }

  #list(list: Recorded[], name: string | undefined): Recorded[] {
    const items = list.map((item) => this.#walk(item, name))
    const strings = items.filter((item) => typeof item === 'string')
    if (name !== undefined && revisionSets.has(name) && strings.length === items.length)
      return strings.sort(byCodePoint)
    if (name === 'changes' && items.length > 2) return [items[0]!, ...sortBy(items.slice(1), canonical)]
    return items
  }

  #text(text: string): string {
    const symbol = this.#symbols.get(text)
    if (symbol !== undefined) return symbol
    if (!revision.test(text) || this.#chosen.has(text)) return text
    return `${text.slice(0, text.indexOf('-'))}-?`
  }
}

function failure(status: number, answer: Recorded): Recorded {
  if (!(answer instanceof Map)) return answer
  const kept: Members = new Map()
  const error = answer.get('error')
  const reason = answer.get('reason')
  if (error !== undefined) kept.set('error', error)
  if (reason !== undefined) kept.set('reason', reasonsKept.has(status) ? reason : '<reason>')
  return kept
}

/** Sets where the order is free, and members that may differ. */
function arrange(answer: Members, rules: ReadonlySet<string>): void {
  if (rules.has('no_pending')) answer.delete('pending')
  if (rules.has('docs_set')) sortMember(answer, 'docs', canonical)
  const stats = answer.get('execution_stats')
  if (rules.has('stats') && stats instanceof Map) {
    answer.set('execution_stats', pick(stats, ['results_returned']))
  }
  if (rules.has('noddocs')) {
    for (const row of list(answer.get('rows'))) {
      const doc = row instanceof Map ? row.get('doc') : undefined
      if (row instanceof Map && doc instanceof Map) row.set('doc', pick(doc, ['_id']))
    }
  }
  if (rules.has('bulk_get')) for (const result of list(answer.get('results'))) bulkGetResult(result)
}

function bulkGetResult(result: Recorded): void {
  if (!(result instanceof Map)) throw new TypeError('a result is no object')
  for (const item of list(result.get('docs'))) {
    const error = item instanceof Map ? item.get('error') : undefined
    if (!(error instanceof Map)) continue
    error.delete('reason')
    if (error.get('rev') === 'undefined') error.delete('rev')
  }
  sortMember(result, 'docs', canonical)
}

function chosenIndex(answer: Members): Recorded {
  const index = answer.get('index') ?? null
  return new Map([['index', index instanceof Map ? pick(index, ['ddoc', 'name', 'type', 'def']) : index]])
}

function indexKey(index: Recorded): string {
  const text = (value: Recorded | undefined) => (typeof value === 'string' ? value : 'None')
  return index instanceof Map ? `${text(index.get('ddoc'))}\u0000${text(index.get('name'))}` : ''
}

function pathRevisions(path: Members): string[] | undefined {
  const start = path.get('start')
  const ids = path.get('ids')
  if (!Array.isArray(ids) || typeof start !== 'bigint') return undefined
  return ids.map((hash, i) => `${start - BigInt(i)}-${String(hash)}`)
}

function pick(from: Members, names: readonly string[]): Members {
  return new Map(names.map((name) => [name, from.get(name) ?? null]))
}

function list(value: Recorded | undefined): Recorded[] {
  return Array.isArray(value) ? value : []
}

function sortMember(of: Members, name: string, key: (item: Recorded) => string): void {
  const items = of.get(name)
  if (Array.isArray(items)) sortBy(items, key)
}

function sortBy(items: Recorded[], key: (item: Recorded) => string): Recorded[] {
  return items.sort((a, b) => byCodePoint(key(a), key(b)))
}
