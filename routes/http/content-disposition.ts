/** `Content-Disposition` (RFC 6266) with names that any client can read. */

/**
 * The header for a file of this name. The plain `filename` keeps the printable ASCII characters but space, `"`, `/` and
 * `\`; where that is not the whole name, `filename*` says it in UTF-8. Without anything left the name is `download`.
 */
export function contentDisposition(kind: 'inline' | 'attachment', name: string): string {
  const plain = name.replace(/[^\x21-\x7e]|["/\\]/g, '')
  const extended = plain === name ? '' : `; filename*=UTF-8''${percentEncoded(name)}`
  return `${kind}; filename="${plain === '' ? 'download' : plain}"${extended}`
}

/** Everything but the `attr-char` of RFC 5987. Lone surrogates, which UTF-8 cannot encode, become U+FFFD. */
function percentEncoded(name: string): string {
  return encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
