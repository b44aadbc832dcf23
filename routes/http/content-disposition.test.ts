import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { contentDisposition } from './content-disposition.ts'

test.each<[string, string]>([
  ['a.txt', 'inline; filename="a.txt"'],
  ["it's(1)*;%20.txt", `inline; filename="it's(1)*;%20.txt"`],
  ['my file.txt', `inline; filename="myfile.txt"; filename*=UTF-8''my%20file.txt`],
  ['"a\\b/c".txt', `inline; filename="abc.txt"; filename*=UTF-8''%22a%5Cb%2Fc%22.txt`],
  ['été.txt', `inline; filename="t.txt"; filename*=UTF-8''%C3%A9t%C3%A9.txt`],
  ['日本', `inline; filename="download"; filename*=UTF-8''%E6%97%A5%E6%9C%AC`],
  ["é'(*)", `inline; filename="'(*)"; filename*=UTF-8''%C3%A9%27%28%2A%29`],
  ['😀.png', `inline; filename=".png"; filename*=UTF-8''%F0%9F%98%80.png`],
  ['\ud83d.png', `inline; filename=".png"; filename*=UTF-8''%EF%BF%BD.png`],
  ['a\r\nSet-Cookie: b', `inline; filename="aSet-Cookie:b"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20b`],
  ['', 'inline; filename="download"'],
])('%j', (name, header) => expect(contentDisposition('inline', name)).toBe(header))

test('attachments say so', () => expect(contentDisposition('attachment', 'a')).toBe('attachment; filename="a"'))

test('every name can be a header value and can be read back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (name) => {
      const header = contentDisposition('inline', name)
      expect(header).toMatch(/^[\x20-\x7e]+$/)
      const extended = header.split("filename*=UTF-8''")[1]
      expect(extended === undefined ? /filename="(.*)"/.exec(header)?.[1] : decodeURIComponent(extended)).toBe(name)
    }),
  )
})
