/**
 * Where an object's file lies: its name spelt as in storage/objects/key.ts, shaped for a file system. The name of a file's
 * content has three slashes that no other one shares; as folders they would cost four inodes and four waits for the disk
 * an upload. So only the first `/` makes a folder (the tenant's). In the rest it is written `0!`, which sorts where it
 * would, and the result is cut into folders after its first eight characters, which ids made within a minute share,
 * and wherever else a file's name would become too long. The byte order of the paths is that of the names.
 */
import { checkName, cutAtBytes, cutPart, decodePart, encodePart, escaped, mark, unescaped } from '../key.ts'

const groupBytes = 8
const cut = '!'
/** A `/` that makes no folder. */
const slash = '0!'

/** The path of a name, below the root. Throws `bad_request` for what cannot be a name. */
export function pathOf(name: string): string {
  checkName(name)
  return encode(name) + mark
}

/** The name of a path; `undefined` for what is not the path of an object. */
export function nameOfPath(path: string): string | undefined {
  if (!path.endsWith(mark)) return undefined
  const name = decode(path.slice(0, -mark.length))
  return name !== '' && encode(name) + mark === path ? name : undefined
}

/** What the paths of all names with this prefix begin with. Some other paths may begin with it too. */
export function pathPrefixOf(prefix: string): string {
  return encode(prefix)
}

function encode(name: string): string {
  const first = name.indexOf('/')
  if (first < 0) {
    const { cut, rest } = cutPart(name)
    return cut + rest
  }
  return `${encodePart(name.slice(0, first))}/${grouped(name.slice(first + 1))}`
}

function grouped(text: string): string {
  let path = ''
  let bytes = 0
  let room = groupBytes
  for (const character of text) {
    const spelt = character === '/' ? slash : escaped(character)
    path += spelt
    bytes += Buffer.byteLength(spelt)
    if (bytes < room) continue
    path += `${cut}/`
    bytes = 0
    room = cutAtBytes
  }
  return path
}

function decode(path: string): string {
  const parts = path.split('/')
  let head = ''
  // The folders of the first part: those that were cut because of their length, then its end.
  while (parts.length > 1) {
    const decoded = decodePart(parts.shift() ?? '')
    head += decoded
    if (decoded.endsWith('/')) return head + parts.map(ungrouped).join('')
  }
  return head + unescaped(parts[0] ?? '')
}

/** One folder, or the file, of what follows the first `/`. Only a folder ends with a cut. */
function ungrouped(part: string, at: number, all: readonly string[]): string {
  const text = at < all.length - 1 && part.endsWith(cut) ? part.slice(0, -cut.length) : part
  return unescaped(text.replaceAll(slash, '/'))
}
