/** The recorded cases: requests with the answers that a real CouchDB gave, in scenarios that start with a fresh database. */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { parseRecorded, type Recorded } from './recorded-json.ts'

/** One recorded request and its answer. */
export interface Case {
  /** `scenario/step`. */
  readonly name: string
  readonly category: string
  readonly method: string
  /** Below the database; may hold `{{name}}`. */
  readonly path: string
  readonly query: readonly (readonly [string, string])[]
  readonly headers: ReadonlyMap<string, string>
  readonly body: { readonly json: Recorded } | { readonly raw: string } | undefined
  /** Values of the answer that later cases use: name to path. */
  readonly captures: ReadonlyMap<string, readonly (string | number)[]>
  readonly rules: readonly string[]
  /** Set-up requests must be answered as recorded too, but are not counted. */
  readonly setup: boolean
  readonly status: number
  readonly answer: Recorded
}

export interface Scenario {
  /** Name of the database that it starts with. */
  readonly database: string
  readonly cases: readonly Case[]
}

/** Reads `cases.jsonl.gz` beside this file. */
export function loadScenarios(): readonly Scenario[] {
  const text = gunzipSync(readFileSync(new URL('./cases.jsonl.gz', import.meta.url))).toString('utf8')
  const [head, ...lines] = text.split('\n').filter((line) => line !== '')
  const seed = String(members(parseRecorded(head ?? '')).get('seed'))
  const scenarios = new Map<string, Case[]>()
  for (const line of lines) {
    const row = members(parseRecorded(line))
    const database = `diff-s${seed}-${String(row.get('k')).padStart(2, '0')}`
    const cases = scenarios.get(database)
    if (cases === undefined) scenarios.set(database, [readCase(row)])
    else cases.push(readCase(row))
  }
  return [...scenarios].map(([database, cases]) => ({ database, cases }))
}

function readCase(row: ReadonlyMap<string, Recorded>): Case {
  const body = row.get('b')
  const raw = row.get('raw')
  return {
    name: `${row.get('sc')}/${row.get('j')}`,
    category: String(row.get('cat')),
    method: String(row.get('m')),
    path: String(row.get('p')),
    query: pairs(row.get('q')),
    headers: new Map([...optionalMembers(row.get('h'))].map(([name, value]) => [name, String(value)])),
    body: typeof raw === 'string' ? { raw } : body === undefined ? undefined : { json: body },
    captures: new Map([...optionalMembers(row.get('cap'))].map(([name, path]) => [name, steps(path)])),
    rules: items(row.get('norm')).map(String),
    setup: row.get('setup') === true,
    status: Number(row.get('st')),
    answer: row.get('e') ?? null,
  }
}

function members(value: Recorded): ReadonlyMap<string, Recorded> {
  if (value instanceof Map) return value
  throw new TypeError('a line of the cases is no object')
}

function optionalMembers(value: Recorded | undefined): ReadonlyMap<string, Recorded> {
  return value instanceof Map ? value : new Map()
}

function items(value: Recorded | undefined): readonly Recorded[] {
  return Array.isArray(value) ? value : []
}

function pairs(value: Recorded | undefined): readonly (readonly [string, string])[] {
  return items(value).map((pair) => {
    const [name, text] = items(pair)
    return [String(name), String(text)] as const
  })
}

function steps(path: Recorded): readonly (string | number)[] {
  return items(path).map((step) => (typeof step === 'bigint' ? Number(step) : String(step)))
}
