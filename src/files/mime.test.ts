import { expect, test } from 'bun:test'
import { typeOf } from './mime.ts'

test.each([
  ['a.txt', undefined, 'text/plain', 'text'],
  ['a.TXT', undefined, 'text/plain', 'text'],
  ['a.txt', '', 'text/plain', 'text'],
  ['a.txt', 'application/octet-stream', 'text/plain', 'text'],
  ['a.txt', 'image/PNG', 'image/png', 'image'],
  ['a', 'text/html; charset=utf-8', 'text/html', 'code'],
  ['a', undefined, 'application/octet-stream', 'files'],
  ['a.', undefined, 'application/octet-stream', 'files'],
  ['json', undefined, 'application/octet-stream', 'files'],
  ['.json', undefined, 'application/octet-stream', 'files'],
  ['a.constructor', undefined, 'application/octet-stream', 'files'],
  ['a.b\\c.txt', undefined, 'text/plain', 'text'],
  ['a.d e', undefined, 'application/octet-stream', 'files'],
  ['a.pdf', undefined, 'application/pdf', 'pdf'],
  ['a.jpg', undefined, 'image/jpeg', 'image'],
  ['a.heic', undefined, 'image/heif', 'image'],
  ['a.HEIF', undefined, 'image/heif', 'image'],
  ['a.mp3', undefined, 'audio/mpeg', 'audio'],
  ['a.mp4', undefined, 'video/mp4', 'video'],
  ['a.html', undefined, 'text/html', 'code'],
  ['a.js', undefined, 'text/javascript', 'text'],
  ['a.mjs', undefined, 'text/javascript', 'text'],
  ['a.ts', undefined, 'text/vnd.trolltech.linguist', 'text'],
  ['a.ts', 'video/mp2t', 'video/mp2t', 'video'],
  ['a.vcf', undefined, 'text/vcard', 'text'],
  ['a.xml', undefined, 'text/xml', 'code'],
  ['a.css', undefined, 'text/css', 'code'],
  ['a.py', undefined, 'text/x-python', 'code'],
  ['a.go', undefined, 'text/x-go', 'code'],
  ['a.pptx', undefined, 'application/vnd.openxmlformats-officedocument.presentationml.presentation', 'slide'],
  ['a.odp', undefined, 'application/vnd.oasis.opendocument.presentation', 'slide'],
  ['a.xlsx', undefined, 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', 'spreadsheet'],
  ['a.ods', undefined, 'application/vnd.oasis.opendocument.spreadsheet', 'spreadsheet'],
  ['a.docx', undefined, 'application/vnd.openxmlformats-officedocument.wordprocessingml.document', 'text'],
  ['a.odt', undefined, 'application/vnd.oasis.opendocument.text', 'text'],
  ['a.zip', undefined, 'application/zip', 'zip'],
  ['a.tar.gz', undefined, 'application/gzip', 'zip'],
  ['a.7z', undefined, 'application/x-7z-compressed', 'zip'],
  ['a.rar', undefined, 'application/vnd.rar', 'application'],
  ['a.dmg', undefined, 'application/x-apple-diskimage', 'binary'],
  ['a.exe', undefined, 'application/octet-stream', 'files'],
  ['a.msi', undefined, 'application/x-msdownload', 'binary'],
  ['a.url', undefined, 'application/internet-shortcut', 'shortcut'],
  ['a.url', 'text/plain', 'application/internet-shortcut', 'shortcut'],
  ['a', 'application/x-unknown', 'application/x-unknown', 'application'],
])('%s as %p is %s, class %s', (name, claimed, mime, fileClass) => {
  expect(typeOf(name, claimed)).toEqual({ mime, class: fileClass })
})

test.each(['text', 'text/', '/plain', 'text/plain/x', 'te xt/plain', 'text/plä'])('refuses %p', (claimed) => {
  expect(() => typeOf('a', claimed)).toThrow('Invalid Content-Type')
})
