/** How options of entries are kept: secrets among them are encrypted. */

export interface Seal {
  /** JSON text of options in which secrets cannot be read. */
  close(options: Readonly<Record<string, unknown>>, secrets: readonly string[]): string
  /** What was closed. @throws Error when this key did not close it */
  open(text: string, secrets: readonly string[]): Record<string, unknown>
}

export interface Cipher {
  encrypt(text: string): string
  decrypt(text: string): string
}

/** Secrets become `{sealed: ...}`. */
export function newSeal(cipher: Cipher): Seal {
  return {
    close: (options, secrets) =>
      JSON.stringify(
        Object.fromEntries(
          Object.entries(options).map(([name, value]) => [
            name,
            secrets.includes(name) ? { sealed: cipher.encrypt(JSON.stringify(value)) } : value,
          ]),
        ),
      ),
    open: (text) =>
      Object.fromEntries(
        Object.entries(JSON.parse(text) as Record<string, unknown>).map(([name, value]) => [
          name,
          isSealed(value) ? (JSON.parse(cipher.decrypt(value.sealed)) as unknown) : value,
        ]),
      ),
  }
}

function isSealed(value: unknown): value is { readonly sealed: string } {
  return typeof value === 'object' && value !== null && 'sealed' in value && typeof value.sealed === 'string'
}
