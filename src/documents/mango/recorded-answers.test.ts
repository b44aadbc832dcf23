/** The recorded answers about queries and indexes, played against the planner and a database in memory. */
import { describe, expect, test } from 'bun:test'
import { type Case, loadScenarios, type Scenario } from '../../../test/conformance/cases.ts'
import { firstDifference, same } from '../../../test/conformance/compare.ts'
import { Normaliser } from '../../../test/conformance/normalise.ts'
import { parseRecorded, printRecorded, type Recorded } from '../../../test/conformance/recorded-json.ts'
import { Problem } from '../../model/errors.ts'
import { parseJson, stringifyJson } from '../../model/json/exact.ts'
import { explain } from './explain.ts'
import { parseFindRequest } from './find-request.ts'
import { listing, primaryListing } from './listing.ts'
import { planFind } from './plan.ts'
import { runFind } from './run.ts'
import { storedText } from './stored.ts'
import { MemoryDatabase } from './testing/memory-database.ts'

const played = /^(?:find-|collat|bignum|index-|json-)/

/** Cases of each category; none may get lost. */
const counts: Readonly<Record<string, number>> = {
  bignum: 47,
  collation: 37,
  explain: 80,
  'find-collation': 190,
  'find-edges': 206,
  'find-fields': 102,
  'find-index-set': 127,
  'find-limit-skip': 75,
  'find-noindex': 355,
  'find-paging': 72,
  'find-paging-sorted': 128,
  'find-sort-id': 67,
  'find-sorted': 170,
  'find-sorted-limit': 72,
  'find-stats': 29,
  'find-use-index-order': 62,
  'index-create': 41,
  'index-delete': 11,
  'index-errors': 12,
  'index-list': 12,
  json: 12,
}

const scenarios = loadScenarios().filter(({ cases }) => played.test(cases[0]?.name ?? ''))
const seen = new Map<string, number>()

describe('recorded answers', () => {
  for (const scenario of scenarios) {
    test(scenario.cases[0]?.name.replace(/\/\d+$/, '') ?? '', async () => {
      expect(await differences(scenario)).toEqual([])
    })
  }

  test('no case is left out', () => {
    expect(Object.fromEntries([...seen].sort())).toEqual({ ...counts })
  })
})

async function differences({ cases }: Scenario): Promise<string[]> {
  const player = new Player()
  const found: string[] = []
  for (const recorded of cases) {
    // Documents are another module's matter; the ones that CouchDB took are the data.
    if (
      recorded.path !== '/_bulk_docs' &&
      !/^\/_(find|explain|index)/.test(recorded.path) &&
      recorded.method !== 'GET'
    ) {
      if (recorded.status < 300 && recorded.method === 'PUT') player.put(recorded)
      continue
    }
    if (!/^\/_(find|explain|index|bulk_docs)/.test(recorded.path) && recorded.category !== 'bignum') continue
    const got = await player.play(recorded)
    if (!recorded.setup) seen.set(recorded.category, (seen.get(recorded.category) ?? 0) + 1)
    if (recorded.setup && recorded.path === '/_bulk_docs') continue
    const agrees = recorded.status === got.status && same(recorded.answer, got.answer)
    if (agrees) continue
    const difference = firstDifference(recorded.answer, got.answer)
    const show = (value: Recorded | undefined) => (value === undefined ? '-' : printRecorded(value).slice(0, 300))
    const body =
      recorded.body === undefined ? '' : 'raw' in recorded.body ? recorded.body.raw : show(recorded.body.json)
    found.push(
      `${recorded.name} ${recorded.path} ${body} want ${recorded.status} got ${got.status} at ${difference?.where}: ` +
        `want ${show(difference?.want)} got ${show(difference?.got)}`,
    )
  }
  return found
}

class Player {
  readonly #database = new MemoryDatabase()
  readonly #normaliser = new Normaliser()
  readonly #captured = new Map<string, string>()

  put(recorded: Case): void {
    const body = this.#body(recorded)
    this.#database.put(decodeURIComponent(recorded.path.slice(1)), body)
  }

  async play(recorded: Case): Promise<{ status: number; answer: Recorded }> {
    let status = 200
    let text: string
    try {
      text = await this.#answer(recorded)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      status = error.status
      text = stringifyJson({ error: error.code, reason: error.reason })
    }
    for (const [name, path] of recorded.captures) {
      const value = path.reduce<Recorded | undefined>(
        (inner, step) => (inner instanceof Map ? inner.get(String(step)) : undefined),
        parseRecorded(text),
      )
      if (typeof value === 'string') this.#captured.set(name, value)
    }
    const bytes = new TextEncoder().encode(text)
    return { status, answer: this.#normaliser.response(status, bytes, recorded.rules, recorded.method) }
  }

  async #answer(recorded: Case): Promise<string> {
    const { method, path } = recorded
    const database = this.#database
    if (method === 'GET' && path === '/_index') {
      const indexes = [primaryListing, ...database.views().map(listing)]
      return stringifyJson({ total_rows: indexes.length, indexes })
    }
    if (method === 'GET') {
      const stored = database.documents.get(decodeURIComponent(path.slice(1)))
      if (stored === undefined) throw new Problem('not_found', 'missing')
      return storedText(stored, [])
    }
    if (method === 'DELETE') {
      const [, , ddoc = '', , name = ''] = path.split('/')
      if (!database.deleteIndex(ddoc, name)) throw new Problem('not_found', 'missing')
      return '{"ok":true}'
    }
    const body = parseJson(this.#body(recorded)).value
    if (path === '/_index') return stringifyJson(database.createIndex(body))
    if (path === '/_bulk_docs') return this.#store(recorded)
    const request = parseFindRequest(body)
    if (path === '/_explain') return stringifyJson(explain(request, database.views(), 'db'))
    const plan = planFind(request, database.views())
    const { docs, bookmark, bookmarkAbsent, warnings, stats } = await runFind(plan, request, database)
    const end = bookmarkAbsent ? '' : `,"bookmark":${JSON.stringify(bookmark ?? 'nil')}`
    const shown = request.executionStats ? `,"execution_stats":${JSON.stringify(stats)}` : ''
    const warning = warnings.length === 0 ? '' : `,"warning":${JSON.stringify(warnings.join('\n'))}`
    return `{"docs":[${docs.join(',')}]${end}${shown}${warning}}`
  }

  #store(recorded: Case): string {
    const json = recorded.body !== undefined && 'json' in recorded.body ? recorded.body.json : null
    const docs = json instanceof Map ? json.get('docs') : undefined
    for (const doc of Array.isArray(docs) ? docs : []) {
      if (!(doc instanceof Map)) continue
      const id = String(doc.get('_id'))
      const members = [...doc].filter(([name]) => name !== '_id')
      // CouchDB's parser flushes the smallest doubles to zero.
      const text = printRecorded(new Map(members)).replaceAll('5e-324', '0.0')
      this.#database.put(id, text)
    }
    return '[]'
  }

  #body(recorded: Case): string {
    if (recorded.body === undefined) return ''
    const text = 'raw' in recorded.body ? recorded.body.raw : printRecorded(recorded.body.json)
    return text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => this.#captured.get(name) ?? `MISSING-${name}`)
  }
}
