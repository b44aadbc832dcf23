/** Makes answers of two servers comparable: ids, revisions, dates near now, hosts and secrets become names. */
import { createHash } from 'node:crypto'
import type { Step } from './recordings.ts'
import { listZip } from './zip-listing.ts'

export type Value = null | boolean | number | string | readonly Value[] | { readonly [name: string]: Value }
type Members = Record<string, Value>

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Value
}

export const comparedHeaders = [
  'content-type',
  'etag',
  'location',
  'content-disposition',
  'content-range',
  'accept-ranges',
  'last-modified',
  'www-authenticate',
] as const
export const corsHeaders = ['origin', 'methods', 'headers', 'credentials'].map((name) => `access-control-allow-${name}`)
corsHeaders.push('access-control-expose-headers')
const keptHeaders = [...comparedHeaders, ...corsHeaders, 'content-length', 'cache-control', 'allow', 'vary']

const revision = /\b(\d+)-[0-9a-f]{32}\b/g
const uuid = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g
const hex = /(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])/g
const date = /\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d| [+-]\d{4} [A-Z]+(?: m=[+\d.]+)?)?/g
const sequences = new Set(['seq', 'last_seq', 'update_seq', 'purge_seq', '_local_seq'])
const secretMembers = new Set(['internal_vfs_id', 'register_token', 'credentials_encrypted', 'instance_start_time'])
const twoDaysMs = 2 * 86_400_000

export class Normaliser {
  readonly #names = new Map<string, string>()
  #byLength: string[] = []

  readonly #suffix: string
  /** Revisions keep their generation. */
  readonly #keepGenerations: boolean

  constructor(suffix: string, keepGenerations: boolean) {
    this.#suffix = suffix
    this.#keepGenerations = keepGenerations
  }

  /** From now on the value is shown as `<name>`. */
  learn(name: string, value: unknown): void {
    if (typeof value !== 'string' || value.length < 8) return
    this.#names.set(value, `<${name}>`)
    this.#byLength = [...this.#names.keys()].sort((a, b) => b.length - a.length)
  }

  text(given: string): string {
    let text = given
    for (const value of this.#byLength) text = text.replaceAll(value, this.#names.get(value) as string)
    text = text.replaceAll(this.#suffix, '<sfx>').replaceAll(encodeURIComponent(this.#suffix), '<sfx>')
    return text
      .replace(/https?:\/\/([\w.-]*<sfx>)/g, 'http://$1')
      .replace(/(\/files\/(?:downloads|archive)\/)(v-)?[^/<]+\//g, '$1$2<secret>/')
      .replace(/(\/thumbnails\/)[^/]+\//g, '$1<secret>/')
      .replace(revision, (_, generation) => (this.#keepGenerations ? `${generation}-?` : '<rev>'))
      .replace(/ \(\d{8,10}\)/g, ' (<digits>)')
      .replace(/(?<![0-9a-f])[0-9a-f]{16}(?![0-9a-f])/g, '<secret>')
      .replace(/(<\w+>)\/(?:<rev>|\d+-\?|<secret>|[0-9A-Za-z]{16})(?![\w>])/g, '$1/<v>')
      .replace(/^((?:\/files\/archive\/)?)(?=[0-9A-Za-z]*[A-Z])(?=[0-9A-Za-z]*[0-9])[0-9A-Za-z]{32}$/, '$1<secret>')
      .replace(uuid, '<id>')
      .replace(hex, '<id>')
      .replace(/(?:page\[cursor\]=|page%5Bcursor%5D=)[^&]+/g, 'page[cursor]=<cursor>')
      .replaceAll('page%5Blimit%5D', 'page[limit]')
      .replaceAll('page%5Bskip%5D', 'page[skip]')
      .replace(date, instant)
  }

  walk(value: Value, key?: string): Value {
    if (typeof value === 'string') return key !== undefined && secretMembers.has(key) ? `<${key}>` : this.text(value)
    if (isList(value)) return value.map((element) => this.walk(element, key))
    if (!isMembers(value)) return value
    const out: Members = {}
    for (const [name, member] of Object.entries(value)) {
      if (sequences.has(name) && member !== null) out[name] = '<seq>'
      else if (name === 'bookmark') out[name] = member === '' || member === 'nil' || member === null ? member : '<bm>'
      else if (name === 'warning') out[name] = '<warning>'
      else if (name === '_revisions' && isMembers(member)) {
        out[name] = {
          start: member['start'] ?? null,
          ids: isList(member['ids'] ?? null) ? (member['ids'] as Value[]).length : 0,
        }
      } else out[this.text(name)] = this.walk(member, name)
    }
    sortVersions(value, out)
    return out
  }

  headers(headers: Headers): Readonly<Record<string, string>> {
    const kept: Record<string, string> = {}
    for (const name of keptHeaders) {
      let value = headers.get(name)
      if (value === null) continue
      if (name === 'last-modified' && isRecent(Date.parse(value))) value = '<now>'
      if (name === 'content-type') value = value.replace(/boundary=\S+/, 'boundary=<b>')
      kept[name] = this.text(value)
    }
    return kept
  }

  /** The body as a value to compare; `null` where there is none. */
  body(
    status: number,
    contentType: string,
    bytes: Uint8Array,
    step: Pick<Step, 'm' | 'norm' | 'only' | 'setkeys'>,
  ): Value {
    const norm = new Set(step.norm)
    if (step.m === 'HEAD' || bytes.length === 0) return null
    const media = contentType.split(';')[0] ?? ''
    if (media === 'application/zip' || (bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4)) {
      const entries = listZip(bytes).map(({ name, size, crc }) => [this.text(name), size, crc] as Value[])
      return { '<zip>': entries.sort((a, b) => compareText(canonical(a), canonical(b))) }
    }
    if (norm.has('kind')) return { '<kind>': Buffer.from(bytes.subarray(0, 4)).toString('latin1') }
    const text = decode(bytes)
    if (text === undefined) return { '<bytes>': bytes.length, md5: createHash('md5').update(bytes).digest('hex') }
    if (norm.has('lines')) {
      const lines = text.split('\n').filter((line) => line.trim() !== '')
      return sorted(lines.map((line) => this.walk(JSON.parse(line))))
    }
    const parsed = media.includes('json') || /^[{["]/.test(text) ? parse(text) : undefined
    if (parsed === undefined) {
      if (status < 400 && norm.has('jwt')) return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text.trim()) ? '<jwt>' : text
      if (norm.has('multi')) return { '<parts>': (text.match(/Content-Range/gi) ?? []).length }
      return { '<text>': norm.has('types') ? '' : this.text(text).slice(0, 400) }
    }
    let value: Value = parsed
    if (step.only && isMembers(value)) {
      const members = value
      value = Object.fromEntries(step.only.map((name) => [name, members[name] ?? '<absent>']))
    }
    value = this.walk(value)
    if (norm.has('set')) value = sortSets(value, new Set(step.setkeys ?? setKeys))
    if (norm.has('types')) value = shapeOf(value)
    if (norm.has('len') && isList(value))
      value = { '<list>': `of ${value.length > 0 ? typeName(value[0] as Value) : 'nothing'}` }
    return value
  }
}

const setKeys = ['docs', 'rows', 'data', 'results', 'included', 'errors']

export function isMembers(value: Value | undefined): value is { readonly [name: string]: Value } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isList(value: Value | undefined): value is readonly Value[] {
  return Array.isArray(value)
}

/** JSON with sorted keys and escapes beyond ASCII: the form that recorded sets were sorted in and that patterns match. */
export function canonical(value: Value): string {
  if (isList(value)) return `[${value.map(canonical).join(', ')}]`
  if (isMembers(value)) {
    const members = Object.keys(value).sort(compareText)
    return `{${members.map((name) => `${quoted(name)}: ${canonical(value[name] as Value)}`).join(', ')}}`
  }
  return typeof value === 'string' ? quoted(value) : JSON.stringify(value)
}

function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function sorted(values: readonly Value[]): readonly Value[] {
  return [...values].sort((a, b) => compareText(canonical(a), canonical(b)))
}

function sortSets(value: Value, names: ReadonlySet<string>): Value {
  if (isList(value)) return value.map((element) => sortSets(element, names))
  if (!isMembers(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const inside = sortSets(member, names)
      return [name, names.has(name) && isList(inside) ? sorted(inside) : inside]
    }),
  )
}

/** Versions are listed by names that are the server's own. */
function sortVersions(value: { readonly [name: string]: Value }, out: Members): void {
  const { relationships, included } = out
  if (value['type'] === 'io.cozy.files' && isMembers(relationships)) {
    const old = relationships['old_versions']
    if (isMembers(old) && isList(old['data'])) {
      out['relationships'] = { ...relationships, old_versions: { ...old, data: sorted(old['data']) } }
    }
  }
  if (isList(included) && isMembers(included[0]) && included[0]['type'] === 'io.cozy.files.versions') {
    out['included'] = sorted(included)
  }
}

function shapeOf(value: Value): Value {
  if (isList(value)) return value.slice(0, 1).map(shapeOf)
  if (isMembers(value))
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shapeOf(member)]))
  return typeName(value)
}

/** As the recordings name types. */
function typeName(value: Value): string {
  if (value === null) return 'NoneType'
  if (isList(value)) return 'list'
  if (isMembers(value)) return 'dict'
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float'
  return typeof value === 'boolean' ? 'bool' : 'str'
}

function instant(text: string): string {
  const iso = text
    .replace(/ [A-Z]+(?: m=[+\d.]+)?$/, '')
    .replace(/^(\S+) (\d\d:)/, '$1T$2')
    .replaceAll(' ', '')
    .replace(/([+-]\d\d)(\d\d)$/, '$1:$2')
  // The recordings hold microseconds.
  const fraction = /\.(\d{1,6})/.exec(iso)?.[1] ?? ''
  const zoned = /(?:Z|[+-]\d\d:\d\d)$/.test(iso) ? iso : `${iso}Z`
  const ms = Date.parse(zoned.replace(/\.\d+/, ''))
  if (Number.isNaN(ms)) return text
  if (isRecent(ms)) return '<now>'
  const digits = fraction.replace(/0+$/, '')
  return `${new Date(ms).toISOString().slice(0, 19)}${digits === '' ? '' : `.${digits}`}Z`
}

function isRecent(ms: number): boolean {
  return Math.abs(Date.now() - ms) < twoDaysMs
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function parse(text: string): Value | undefined {
  try {
    return JSON.parse(text) as Value
  } catch {
    return undefined
  }
}
