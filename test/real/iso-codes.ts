/** Debian's `iso-codes` as documents: countries, their subdivisions, languages and currencies of the world. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Code {
  readonly _id: string
  readonly kind: 'country' | 'subdivision' | 'currency' | 'language'
  readonly name: string
  /** The part of the code before the hyphen. */
  readonly country?: string
  readonly type?: string
  readonly parent?: string
  readonly alpha_2?: string
  readonly alpha_3?: string
  readonly common_name?: string
  readonly scope?: string
  /** UTF-16 units of the name. */
  readonly length: number
  readonly words: readonly string[]
  readonly [name: string]: unknown
}

const files = [
  { file: 'iso_3166-1', kind: 'country', take: 1000 },
  { file: 'iso_3166-2', kind: 'subdivision', take: 10_000 },
  { file: 'iso_4217', kind: 'currency', take: 1000 },
  { file: 'iso_639-2', kind: 'language', take: 1000 },
  { file: 'iso_639-3', kind: 'language', take: 1200 },
] as const

/**
 * Where the files are: HEARTH_TEST_ISO_CODES, or where Debian puts them. Without them it throws in CI and is `undefined`
 * elsewhere, after saying loudly what is skipped.
 */
export function isoCodesFolder(): string | undefined {
  const folder = process.env['HEARTH_TEST_ISO_CODES'] ?? '/usr/share/iso-codes/json'
  if (files.every(({ file }) => existsSync(join(folder, `${file}.json`)))) return folder
  const missing = `no iso-codes in ${folder}: apt-get install iso-codes, or set HEARTH_TEST_ISO_CODES`
  if (process.env['CI']) throw new Error(missing)
  console.warn(`\n*** SKIPPED, every test on real codes: ${missing} ***\n`)
  return undefined
}

/** About 7,000 documents. Names are part of the ids, so that these are out of every alphabet that the names are of. */
export function readIsoCodes(folder: string): readonly Code[] {
  return files.flatMap(({ file, kind, take }) => {
    const whole = JSON.parse(readFileSync(join(folder, `${file}.json`), 'utf8')) as Record<string, Entry[]>
    const entries = Object.values(whole)[0] ?? []
    return entries.slice(0, take).map((entry): Code => {
      const code = `${entry['code'] ?? entry['alpha_3']}`
      const { name } = entry
      const country = kind === 'subdivision' ? { country: code.split('-')[0] ?? '' } : {}
      return {
        _id: `${name}/${kind}/${file.slice(4)}/${code}`,
        kind,
        ...entry,
        ...country,
        length: name.length,
        words: name.split(' '),
      }
    })
  })
}

type Entry = Record<string, string> & { readonly name: string }
