/** What an object is stored as when nothing usable was said. */
export const defaultContentType = 'application/octet-stream'

/** The content type as it is kept: printable ASCII of at most 200 characters, since it has to fit into headers. */
export function keptContentType(given: string | undefined): string {
  return given !== undefined && /^[!-~](?:[ -~]{0,198}[!-~])?$/.test(given) ? given : defaultContentType
}
