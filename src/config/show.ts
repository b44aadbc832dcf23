/** Prints the configuration: for people, for machines, and as the reference of the README. */

import { type Setting, settings } from './leaves.ts'
import type { SettingValue } from './load.ts'
import { withoutSecrets } from './structured.ts'

/** Longer values push only their own origin aside. */
const widest = 60

/** One line per setting: name, value, origin. */
export function showConfig(values: readonly SettingValue[]): string {
  const rows = values.map((entry) => [entry.setting.name, text(shownValue(entry)), entry.origin] as const)
  const width = (column: 0 | 1) =>
    Math.max(...rows.map((row) => row[column].length).filter((length) => length <= widest))
  const [first, second] = [width(0), width(1)]
  return rows.map(([name, value, origin]) => `${name.padEnd(first)}  ${value.padEnd(second)}  ${origin}\n`).join('')
}

/** `{name: {value, origin}}`; absent values are null, secrets `[hidden]`. */
export function configJson(values: readonly SettingValue[]): Record<string, { value: unknown; origin: string }> {
  return Object.fromEntries(
    values.map((entry) => [entry.setting.name, { value: shownValue(entry) ?? null, origin: entry.origin }]),
  )
}

/** Longest line of the reference, in characters. */
const lineWidth = 120

/** A Markdown list of all settings, for the README (`hearth config reference`). */
export function configReference(): string {
  return settings.map((setting) => wrap(entry(setting))).join('')
}

function entry({ name, variable, flag, defaultValue, description, allowed }: Setting): string {
  const names = [variable, flag].filter((way) => way !== undefined)
  const ways = names.length === 0 ? 'only in the file' : names.map((way) => `\`${way}\``).join(', ')
  const initial = defaultValue === undefined ? '' : `; default \`${text(defaultValue)}\``
  return `- \`${name}\` (${ways}${initial}): ${description}. Allowed: ${allowed}`
}

/** Breaks at spaces; later lines are indented so that they belong to the list's item. */
function wrap(words: string): string {
  const lines = ['']
  for (const word of words.split(' ')) {
    const line = lines.at(-1) ?? ''
    if (line !== '' && line.length + 1 + word.length > lineWidth) lines.push(`  ${word}`)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return `${lines.join('\n')}\n`
}

function shownValue({ setting, value }: SettingValue): unknown {
  if (setting.variable === undefined) return withoutSecrets(value)
  if (!setting.secret || value === undefined) return value
  if (!setting.name.endsWith('_url')) return '[hidden]'
  return String(value)
    .replace(/:\/\/.*@/, '://[hidden]@')
    .replaceAll(/([?&][^=&]*(?:password|secret|key)[^=&]*=)[^&]*/gi, '$1[hidden]')
}

function text(value: unknown): string {
  if (value === undefined) return '-'
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
