/**
 * The class of a file: a coarse kind that clients filter and choose icons by. The table is cozy-stack's, so `text/javascript`
 * and `application/vnd.rar` are not in it.
 */

/** Of a file whose type nobody knows. */
export const unknownType = 'application/octet-stream'
/** Of links to web pages. */
export const shortcutType = 'application/internet-shortcut'

const classes: Readonly<Record<string, readonly string[]>> = {
  files: [unknownType],
  binary: ['application/x-apple-diskimage', 'application/x-msdownload'],
  code: [
    'text/html',
    'text/css',
    'text/xml',
    'application/xml',
    'application/javascript',
    'application/x-javascript',
    'application/js',
    'text/x-c',
    'text/x-go',
    'text/x-python',
    'application/x-python',
    'application/x-ruby',
    'text/x-ruby',
  ],
  pdf: ['application/pdf'],
  slide: [
    'application/vnd.ms-powerpoint',
    'application/vnd.openxmlformats-officedocument.presentationml.presentation',
    'application/vnd.oasis.opendocument.presentation',
    'application/vnd.apple.keynote',
    'application/x-iwork-keynote-sffkey',
  ],
  spreadsheet: [
    'application/vnd.ms-excel',
    'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
    'application/vnd.oasis.opendocument.spreadsheet',
    'application/vnd.apple.numbers',
    'application/x-iwork-numbers-sffnumbers',
  ],
  text: [
    'application/msword',
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
    'application/vnd.oasis.opendocument.text',
    'application/vnd.apple.pages',
    'application/x-iwork-pages-sffpages',
    'application/rtf',
    'application/x-abiword',
  ],
  zip: [
    'application/x-7z-compressed',
    'application/x-rar-compressed',
    'application/zip',
    'application/gzip',
    'application/x-gzip',
    'application/x-tar',
  ],
  shortcut: [shortcutType],
}

const byType = new Map(Object.entries(classes).flatMap(([name, types]) => types.map((type) => [type, name] as const)))

/** The class of a media type without parameters: by the table, else what stands before the slash. */
export function classOf(mime: string): string {
  return byType.get(mime) ?? (mime.split('/')[0] as string)
}
