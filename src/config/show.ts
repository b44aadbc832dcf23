/** Prints the configuration: for people, for machines, and as the reference table of the README. */
import type { SettingValue } from './load.ts'
import { settings } from './settings.ts'

/** One line per setting: name, value, origin. */
export function showConfig(values: readonly SettingValue[]): string {
  const rows = values.map((entry) => [entry.setting.name, text(shownValue(entry)), entry.origin] as const)
  const width = (column: 0 | 1) => Math.max(...rows.map((row) => row[column].length))
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
    const names = [`\`${setting.variable}\``, ...(setting.flag ? [`\`${setting.flag}\``] : [])].join('<br>')
    const initial = setting.defaultValue === undefined ? '' : `\`${String(setting.defaultValue)}\``
    return `| \`${setting.name}\` | ${names} | ${initial} | ${cell(setting.description)}. Allowed: ${cell(setting.allowed)} |\n`
  })
  return `| setting | variable, flag | default | meaning |\n|---|---|---|---|\n${rows.join('')}`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}

function shownValue({ setting, value }: SettingValue): unknown {
  if (!setting.secret || value === undefined) return value
  if (!setting.name.endsWith('_url')) return '[hidden]'
  return String(value)
    .replace(/:\/\/.*@/, '://[hidden]@')
    .replaceAll(/([?&][^=&]*(?:password|secret|key)[^=&]*=)[^&]*/gi, '$1[hidden]')
}

function text(value: unknown): string {
  return value === undefined ? '-' : String(value)
}
