/** Prints the configuration: for people, for machines, and as the reference table of the README. */
import type { SettingValue } from './load.ts'
import { settings } from './settings.ts'
import { withoutSecrets } from './structured.ts'

/** Longer values push their origin aside instead of everybody's. */
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

/** A Markdown table of all settings, for the README (`hearth config reference`). */
export function configReference(): string {
  const rows = settings.map((setting) => {
    const given = [setting.variable, setting.flag].filter((name) => name !== undefined)
    const names = given.map((name) => `\`${name}\``).join('<br>') || 'only in the file'
    const initial = setting.defaultValue === undefined ? '' : `\`${text(setting.defaultValue)}\``
    return `| \`${setting.name}\` | ${names} | ${initial} | ${cell(setting.description)}. Allowed: ${cell(setting.allowed)} |\n`
  })
  return `| setting | variable, flag | default | meaning |\n|---|---|---|---|\n${rows.join('')}`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
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
