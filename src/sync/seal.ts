/** How options of entries are kept: secrets among them are encrypted. */
import type { Secrets } from '../secrets/secrets.ts'
import { DriverError } from './drivers/error.ts'

export interface Seal {
  /** JSON text of options in which secrets cannot be read. */
  close(options: Readonly<Record<string, unknown>>, secrets: readonly string[]): string
  /** What was closed. @throws DriverError `options` when another key closed it */
  open(text: string, secrets: readonly string[]): Record<string, unknown>
}

const context = (option: string) => `sync entry ${option}`

/** Secrets become `{sealed: ...}`. */
export function newSeal(secrets: Pick<Secrets, 'seal' | 'open'>): Seal {
  const open = (option: string, value: unknown): unknown => {
    if (!isSealedOption(value)) return value
    const text = secrets.open(value.sealed, context(option))
    if (text === undefined) {
      const why = 'it was encrypted with another key; send it again, or start with the key of then'
      throw new DriverError('options', `${option}: ${why}`)
    }
    return JSON.parse(text) as unknown
  }
  return {
    close: (options, hidden) =>
      JSON.stringify(
        Object.fromEntries(
          Object.entries(options).map(([option, value]) => [
            option,
            hidden.includes(option) ? { sealed: secrets.seal(JSON.stringify(value), context(option)) } : value,
          ]),
        ),
      ),
    open: (text, hidden) =>
      Object.fromEntries(
        Object.entries(JSON.parse(text) as Record<string, unknown>).map(([option, value]) => [
          option,
          hidden.includes(option) ? open(option, value) : value,
        ]),
      ),
  }
}

function isSealedOption(value: unknown): value is { readonly sealed: string } {
  return typeof value === 'object' && value !== null && 'sealed' in value && typeof value.sealed === 'string'
}
