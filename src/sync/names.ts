/** Names of files as people mean them: NFC, relative, the same over all places. */
import { createHash } from 'node:crypto'

const namespace = Buffer.from('bcd336f2d0234856bc92e79dd24b64d7', 'hex')

/** Identifies a file for ever: UUID version 5 of its name (RFC 9562, section 5.5). */
export function fileId(filename: string): string {
  const hash = createHash('sha1').update(namespace).update(filename.normalize('NFC')).digest()
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80
  const hex = hash.toString('hex', 0, 16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** The canonical name of what a place calls `native`; `undefined` with names that no file may have. */
export function canonicalName(native: string): string | undefined {
  const name = native.normalize('NFC')
  return nameFault(name) === undefined ? name : undefined
}

/** Why a file cannot be called this; `undefined` when it can. */
export function nameFault(name: string): string | undefined {
  if (name === '') return 'the name is empty'
  if (Buffer.byteLength(name) > 4096) return 'the path has more than 4096 bytes'
  if (!name.isWellFormed()) return 'the name is not valid Unicode'
  if (name.includes('\0')) return 'the name holds a NUL'
  for (const segment of name.split('/')) {
    if (segment === '' || segment === '.' || segment === '..') return 'the path has an empty, . or .. segment'
    if (Buffer.byteLength(segment) > 255) return 'a segment has more than 255 bytes'
  }
  return undefined
}

/** Equal for names that a place without upper and lower case takes for one. */
export function foldKey(name: string): string {
  return name.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC')
}

/** Files of desktops and editors that belong to one machine only. */
export function isIgnored(name: string): boolean {
  const base = name.slice(name.lastIndexOf('/') + 1)
  return base === '.DS_Store' || base === 'Thumbs.db' || /^\..*\.sw[a-p]$/.test(base) || base.startsWith('~$')
}

/** Bytes of an extension and of an entry's name that a conflict copy's name keeps: all of it must fit into 255. */
const longestExtension = 64
const longestEntry = 128

const conflictMark = /\.conflict-\d{8}-\d{6}-[^/]*?(?=\.[^./]*$|$)/

/**
 * Names for the copy of a file whose place was taken, best first. The suffix stands before the extension, so that
 * programs still know the file; the stem is cut on a whole character where the name would get too long.
 */
export function* conflictNames(filename: string, entry: string, at: Date, maxSegmentBytes: number): Generator<string> {
  const slash = filename.lastIndexOf('/') + 1
  // A conflict about a conflict copy is named from the original.
  const base = filename.slice(slash).replace(conflictMark, '')
  const dot = base.lastIndexOf('.')
  const hasExtension = dot > 0 && Buffer.byteLength(base) - Buffer.byteLength(base.slice(0, dot)) <= longestExtension
  const [stem, extension] = hasExtension ? [base.slice(0, dot), base.slice(dot)] : [base, '']
  const digits = at.toISOString().replaceAll(/[-:]/g, '')
  const stamp = `${digits.slice(0, 8)}-${digits.slice(9, 15)}`
  for (let n = 1; ; n++) {
    const suffix = `.conflict-${stamp}-${cutBytes(entry.replaceAll('.', '_'), longestEntry)}${n === 1 ? '' : `-${n}`}`
    const room = Math.max(1, maxSegmentBytes - Buffer.byteLength(suffix + extension))
    yield filename.slice(0, slash) + cutBytes(stem, room) + suffix + extension
  }
}

/** At most so many bytes, cut on a whole character. */
export function cutBytes(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text
  let kept = ''
  let size = 0
  for (const character of text) {
    size += Buffer.byteLength(character)
    if (size > maxBytes) break
    kept += character
  }
  return kept
}
