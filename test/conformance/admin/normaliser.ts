/** Makes answers of two servers comparable: what each chooses for itself becomes a name. */
import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { isObject, type Json } from '../../../src/model/json/value.ts'
import { listZip } from '../cozy/zip-listing.ts'
import type { Norm, Step } from './recordings.ts'
import { canonical, dig, encodeAll, fill, fillText, type Variables } from './values.ts'

export interface Answer {
  readonly st: number
  readonly hd: Readonly<Record<string, string>>
  readonly e: Json
}

const date = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)/g
const goDate = /\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [+-]\d{4} \w+/g
const mac = /\b[A-Za-z0-9_-]{60,}={0,2}/g
const zeroTime = '0001-01-01T00:00:00Z'

export const secretMembers: ReadonlySet<string> = new Set([
  'passphrase_hash',
  'session_secret',
  'oauth_secret',
  'cli_secret',
  'register_token',
  'passphrase_reset_token',
  'client_secret',
  'registration_access_token',
  'token',
  'token_source',
  'internal_vfs_id',
  'access_token',
  'refresh_token',
  'xor_key',
  'csrf',
])
const codeMembers = new Set([
  'code',
  'session_code',
  'email_verified_code',
  'delegated_code',
  'two_factor_token',
  'secret',
])
const dropped = new Set(['swift_cluster', 'couch_cluster', '_type'])
const counts = new Set(['creation_duration', 'total_size', 'indexes_version'])
const documentMembers = ['_id', '_rev', 'type', 'name', 'dir_id', 'path', 'size', 'md5sum', 'trashed']
const fsckMembers = ['type', 'is_file', 'is_version', 'expected_fullpath', 'error']
const fsckDocument = '_id name dir_id path type size is_dir is_orphan has_cycle trashed mime class'.split(' ')

export class Normaliser {
  #symbols: (readonly [value: string, name: string])[] = []
  #keepRevisions = false

  readonly #values: Variables

  constructor(values: Variables) {
    this.#values = values
  }

  learn(name: string, value: Json): void {
    if (typeof value !== 'string' || value.length < 5) return
    this.#symbols = [...this.#symbols.filter(([known]) => known !== value), [value, `<${name}>`] as const]
    this.#symbols.sort(([a], [b]) => b.length - a.length)
  }

  text(given: string): string {
    let text = given
    for (const [value, name] of this.#symbols) {
      text = text.replaceAll(value, name)
      const encoded = encodeAll(value)
      if (encoded !== value) text = text.replaceAll(encoded, name)
    }
    text = text.replace(/\bhttps?:\/\/(?=[\w.-]*<)/g, 'SCHEME://').replaceAll(zeroTime, '\0zero\0')
    text = text
      .replace(/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]+/g, '<jwt>')
      .replace(date, '<date>')
      .replace(goDate, '<godate>')
    if (!this.#keepRevisions) text = text.replace(/\b\d+-[0-9a-f]{32}\b/g, '<rev>')
    text = text.replace(/\bcozy[0-9a-f]{32}\b/g, '<prefix>')
    text = text.replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '<id>')
    if (!this.#keepRevisions) text = text.replace(/(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])/g, '<id>')
    text = text.replace(/(<[\w.]+>)\/(?:[A-Za-z0-9]{16}|<rev>)(?!\w)/g, '$1/<version>')
    return text.replaceAll('\0zero\0', zeroTime)
  }

  walk(value: Json, name = ''): Json {
    if (typeof value === 'string') return this.#walkText(value, name)
    if (typeof value === 'number') return counts.has(name) ? '<n>' : value
    if (Array.isArray(value)) return value.map((item: Json) => this.walk(item, name))
    if (!isObject(value)) return value
    return Object.fromEntries(
      Object.entries(value)
        .filter(([member]) => !dropped.has(member))
        .map(([member, item]) => [this.text(member), this.walk(item, member)]),
    )
  }

  #walkText(value: string, name: string): Json {
    if (secretMembers.has(name) && value !== '' && !value.startsWith('{{')) return '<secret>'
    if (codeMembers.has(name) && value.length >= 12) {
      const text = this.text(value)
      const isNamed = /^<[A-Za-z][\w.]*>$/.test(text) && !/^<(id|mac|jwt|rev|prefix)>$/.test(text)
      return isNamed ? text : '<code>'
    }
    if (name === 'event' || name === 'payload') {
      const decoded = parseBase64(value)
      if (decoded !== undefined) return this.walk(decoded)
    }
    if (name === 'last-activity') return isRecent(value) ? '<today>' : value
    const text = this.text(value)
    return value.length > 59 && name !== 'error' ? text.replace(mac, '<mac>') : text
  }

  /** What is compared of an answer. */
  answer(step: Step, st: number, headers: Headers, received: Uint8Array): Answer {
    const norms = step.norm ?? []
    this.#keepRevisions = norms.includes('keeprevs')
    const media = (headers.get('content-type') ?? '').split(';')[0]?.trim() ?? ''
    const hd: Record<string, string> = media === '' ? {} : { 'content-type': media }
    for (const name of ['location', 'content-disposition', 'www-authenticate', 'allow', ...(step.hd ?? [])]) {
      const value = headers.get(name)
      if (value !== null) hd[name] = name === 'location' ? this.#location(value) : this.text(value)
    }
    const bytes = headers.get('content-encoding') === 'gzip' ? gunzipSync(received) : received
    return { st, hd, e: bytes.length === 0 ? null : this.#body(step, norms, media, bytes) }
  }

  #location(value: string): string {
    const [, origin = '', path = '', query = '', fragment] =
      /^([a-z]+:\/\/[^/?#]*)?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/i.exec(value) ?? []
    const asked = Object.fromEntries(
      [...new URLSearchParams(query)].map(([name, item]) => [
        name,
        codeMembers.has(name) || secretMembers.has(name) ? this.walk(item, name) : this.text(item),
      ]),
    )
    const shown = this.text(origin + path).replace(mac, '<mac>')
    const hash = fragment === undefined ? '' : `#${fragment}`
    return shown + (Object.keys(asked).length === 0 ? '' : `?${canonical(asked)}`) + hash
  }

  #body(step: Step, norms: readonly Norm[], media: string, bytes: Uint8Array): Json {
    const text = Buffer.from(bytes).toString('utf8')
    if (norms.includes('size')) return { '<bytes>': bytes.length }
    if (norms.includes('md5')) {
      return { '<md5>': createHash('md5').update(bytes).digest('hex'), '<bytes>': bytes.length }
    }
    if (norms.includes('nobody')) return '<not compared>'
    if (norms.includes('zip')) return this.#zip(bytes)
    if (media === 'application/json' || media.endsWith('+json') || norms.includes('json')) {
      const value = parse(text)
      return value === undefined
        ? { '<text>': this.text(text.slice(0, 300)) }
        : this.shape(this.walk(value), norms, step)
    }
    if (norms.includes('lines')) return this.#lines(norms, text)
    if (media === 'text/html') {
      const wanted = (step.has ?? []).map((one) => fillText(one, this.#values))
      return {
        '<html>': true,
        has: wanted.filter((one) => text.includes(one)).map((one) => this.text(one)),
        ...(step.lacks === undefined ? {} : { lacks: step.lacks.filter((one) => !text.includes(one)) }),
      }
    }
    return { '<text>': this.text(text).replace(mac, '<mac>').slice(0, 400) }
  }

  #lines(norms: readonly Norm[], text: string): Json {
    let rows: Json[] = text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => {
        const value = parse(line)
        if (!isObject(value)) return { '<text>': line.slice(0, 200) }
        return norms.includes('fsck') ? this.#finding(value) : this.walk(value)
      })
    for (const norm of norms) {
      if (typeof norm === 'object' && 'anyid' in norm) rows = anyId(rows, norm['anyid']) as Json[]
      else if (norm === 'types2') {
        rows = rows.map((row) => ({ type: dig(row, ['type']) ?? null, _id: dig(row, ['file_doc', '_id']) ?? null }))
      } else if (norm === 'onlytypes' || norm === 'count') rows = rows.map((row) => dig(row, ['type']) ?? null)
    }
    return sorted(rows)
  }

  /** What two storages can agree on. */
  #finding(row: Readonly<Record<string, Json>>): Json {
    const kept = pick(row, fsckMembers)
    for (const name of ['file_doc', 'dir_doc', 'version_doc']) {
      const document = row[name]
      if (isObject(document)) kept[name] = this.walk(pick(document, fsckDocument))
    }
    if ('content_mismatch' in row) kept['content_mismatch'] = row['content_mismatch'] ?? null
    return kept
  }

  #zip(bytes: Uint8Array): Json {
    try {
      const groups: Record<string, number> = {}
      for (const { name } of listZip(bytes)) {
        const shown = this.text(name)
        const doctype = /^My Cozy\/Data\/([^/]+)\//.exec(shown)?.[1]
        const key = doctype === undefined ? shown : `Data/${doctype}`
        groups[key] = (groups[key] ?? 0) + 1
      }
      return { entries: groups }
    } catch (error) {
      return { '<bad zip>': String(error) }
    }
  }

  shape(given: Json, norms: readonly Norm[], _step: Step): Json {
    let value = given
    for (const norm of norms) {
      if (typeof norm === 'string') value = shapeByName(value, norm)
      else if ('sortat' in norm) for (const path of norm['sortat'] as string[][]) value = sortAt(value, path)
      else if ('ignore' in norm) for (const path of norm['ignore'] as string[]) drop(value, path.split('.'), false)
      else if ('omit' in norm) for (const path of norm['omit'] as string[]) drop(value, path.split('.'), true)
      else if ('only' in norm) value = this.#only(value, norm['only'] as readonly [string[], Json[]])
      else if ('anyid' in norm) value = anyId(value, norm['anyid'])
    }
    return value
  }

  #only(value: Json, [path, wanted]: readonly [readonly string[], readonly Json[]]): Json {
    const values = new Set(wanted.map((one) => canonical(this.walk(fill(one, this.#values)))))
    const keep = (list: Json | undefined) =>
      Array.isArray(list) ? list.filter((item: Json) => values.has(canonical(dig(item, path)))) : (list ?? null)
    if (!isObject(value)) return keep(value)
    return { ...value, data: keep(value['data']), ...('meta' in value ? { meta: '<meta>' } : {}) }
  }
}

function shapeByName(value: Json, norm: string): Json {
  if (norm === 'sort' && Array.isArray(value)) return sorted(value)
  if (norm === 'types' && Array.isArray(value)) {
    return sorted(value.filter(isObject).map((item) => pick(item, ['type', 'id', 'instance'])))
  }
  if (norm === 'docs' && Array.isArray(value)) return sorted(value.map((item: Json) => sharingItem(item)))
  if (!isObject(value)) return value
  const { data, links } = value
  switch (norm) {
    case 'sortdata':
      return Array.isArray(data) ? { ...value, data: sorted(data) } : value
    case 'nextlink': {
      const next = isObject(links) ? links['next'] : undefined
      if (!isObject(links) || typeof next !== 'string') return value
      return { ...value, links: { ...links, next: next.replace(/(cursor\]=)[^&]+/, '$1<cursor>') } }
    }
    case 'redirectkind': {
      const { redirect } = value
      if (typeof redirect !== 'string') return value
      return { ...value, redirect: redirect.includes('/auth/twofactor') ? 'second factor' : 'logged in' }
    }
    case 'sortlists':
      return Object.fromEntries(
        Object.entries(value).map(([name, item]) => [name, Array.isArray(item) ? sorted(item) : item]),
      )
    case 'keys':
      return Object.fromEntries(Object.keys(value).map((name) => [name, '<any>']))
    case 'nolinks': {
      const { links: _, ...kept } = value
      return kept
    }
    default:
      return value
  }
}

/** The documents in it in one form, whichever of the two names was used. */
function sharingItem(given: Json): Json {
  if (!isObject(given)) return given
  const item: Record<string, Json> = { ...given }
  for (const name of ['ownerDoc', 'memberDoc', 'missing', 'file']) {
    const held = item[name]
    if (!isObject(held)) continue
    const document = isObject(held['M']) && Object.keys(held).sort().join() === 'M,Type' ? held['M'] : held
    const kept = pick(document, documentMembers)
    item[name] = 'size' in kept ? { ...kept, size: String(kept['size']) } : kept
  }
  if (item['type'] === 'missing_matching_doc_for_owner') {
    const { memberDoc, ...rest } = item
    return { ...rest, missing: memberDoc ?? item['missing'] ?? null }
  }
  if (item['type'] === 'missing_matching_doc_for_member') {
    const { ownerDoc, ownerDocID, ...rest } = item
    return { ...rest, missing: ownerDoc ?? item['missing'] ?? null }
  }
  return item
}

function sortAt(value: Json, [name = '', ...rest]: readonly string[]): Json {
  if (Array.isArray(value)) {
    return value.map((item: Json, at) => (String(at) === name ? sortAt(item, rest) : item))
  }
  if (!isObject(value) || value[name] === undefined) return value
  const inner = value[name] as Json
  const changed = rest.length === 0 ? (Array.isArray(inner) ? sorted(inner) : inner) : sortAt(inner, rest)
  return { ...value, [name]: changed }
}

function anyId(value: Json, names: Json | undefined): Json {
  const list = Array.isArray(names) ? names.map(String) : []
  let text = JSON.stringify(value)
  for (const name of list) text = text.replaceAll(`<${name}>`, `<one of ${list.join('/')}>`)
  return JSON.parse(text) as Json
}

/** Ignored: it must be there, whatever it is. Omitted: it may be missing too. Changes the value. */
function drop(value: Json, [name = '', ...rest]: readonly string[], omit: boolean): void {
  if (name === '*') {
    const items = Array.isArray(value) ? value : isObject(value) ? Object.values(value) : []
    if (rest.length > 0) for (const item of items) drop(item, rest, omit)
  } else if (Array.isArray(value)) for (const item of value) drop(item, [name, ...rest], omit)
  else if (isObject(value) && name in value) {
    const members = value as Record<string, Json>
    if (rest.length > 0) drop(members[name] as Json, rest, omit)
    else if (omit) delete members[name]
    else members[name] = '<any>'
  }
}

function pick(members: Readonly<Record<string, Json>>, names: readonly string[]): Record<string, Json> {
  return Object.fromEntries(names.filter((name) => name in members).map((name) => [name, members[name] ?? null]))
}

function sorted(list: readonly Json[]): Json[] {
  const keyed = list.map((item) => [canonical(item), item] as const)
  return keyed.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, item]) => item)
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}

function parseBase64(text: string): Json | undefined {
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? parse(Buffer.from(text, 'base64').toString('utf8')) : undefined
}

function isRecent(day: string): boolean {
  return [-1, 0, 1].some((n) => new Date(Date.now() + n * 86_400_000).toISOString().slice(0, 10) === day)
}
