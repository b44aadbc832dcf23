/** The media type of a file: the one the client sent, else by the extension of its name. */
import mime from 'mime'
import { classOf, shortcutType, unknownType } from './class.ts'
import { extensionOf } from './names.ts'
import { illegalType } from './problems.ts'

export interface FileType {
  /** Without parameters, in lower case. */
  readonly mime: string
  readonly class: string
}

const token = "[\\w!#$%&'*+.^`|~-]+"
const mediaType = new RegExp(`^${token}/${token}$`)

/**
 * Types that the package does not know, or knows as something else than cozy-stack, whose clients choose icons and
 * programs by them. No file of the machine is consulted: the same name has the same type everywhere.
 */
const ours: Readonly<Record<string, string>> = {
  '.url': shortcutType,
  '.dmg': 'application/x-apple-diskimage',
  '.exe': unknownType,
  '.dll': unknownType,
  '.msi': 'application/x-msdownload',
  '.go': 'text/x-go',
  '.heic': 'image/heif',
  '.heif': 'image/heif',
  '.py': 'text/x-python',
  '.rb': 'application/x-ruby',
  '.ts': 'text/vnd.trolltech.linguist',
  '.vcf': 'text/vcard',
  '.xml': 'text/xml',
}

/**
 * @param claimed the request's Content-Type; absent, empty or `application/octet-stream` leave it to the name
 * @throws Problem 422 when `claimed` is not a media type
 */
export function typeOf(name: string, claimed?: string | undefined): FileType {
  const said = (claimed ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (said !== '' && !mediaType.test(said)) throw illegalType()
  const byName = typeOfName(name)
  const type = said === '' || said === unknownType || byName === shortcutType ? byName : said
  return { mime: type, class: classOf(type) }
}

function typeOfName(name: string): string {
  const extension = extensionOf(name).toLowerCase()
  if (extension.length < 2) return unknownType
  // The package also accepts paths: the part after the dot must not contain a character that it would split at.
  return ours[extension] ?? (/^\.[\w+-]+$/.test(extension) ? mime.getType(extension.slice(1)) : null) ?? unknownType
}
