/** The type that an object is stored with when the client named none that is usable. */
export const defaultContentType = 'application/octet-stream'

/** The content type as it is kept: printable ASCII of at most 200 characters, since it has to fit into headers. */
export function keptContentType(given: string | undefined): string {
  return given !== undefined && /^[!-~](?:[ -~]{0,198}[!-~])?$/.test(given) ? given : defaultContentType
}
