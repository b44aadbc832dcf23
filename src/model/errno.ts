/** The code of an error of the system or of a driver, such as `ENOENT`; empty where it has none. */
export function errnoOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
}
