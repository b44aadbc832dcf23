import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Problem } from '../model/errors.ts'
import { type ExtractOptions, extractContents } from './extract.ts'
import { contentOf } from './parse.ts'

const bytesOf = (size: number, seed = 1) =>
  Buffer.from(Array.from({ length: size }, (_, at) => (at * 31 + seed * 7) % 256))

/** Extracts from a text that arrives in pieces of `step` bytes; contents are gathered whole. */
async function extract(text: string | Buffer, options: Partial<ExtractOptions> = {}, step = 1000) {
  const bytes = Buffer.from(text)
  const contents: [name: string, bytes: Buffer][] = []
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += step) yield Uint8Array.from(bytes.subarray(at, at + step))
  }
  const body = await extractContents(pieces(), {
    envelope: 'document',
    maxBytes: 1_000_000,
    async receive(name, parts) {
      const all: Uint8Array[] = []
      for await (const part of parts) all.push(Uint8Array.from(part))
      contents.push([name, Buffer.concat(all)])
      return contentOf(Buffer.concat(all))
    },
    ...options,
  })
  return { text: new TextDecoder().decode(body.bytes), received: body.received, contents }
}

const document = (data: string, more: object = {}) =>
  JSON.stringify({ n: 1, ...more, _attachments: { 'a "b"\\': { content_type: 'x/y', data } } })

describe('a long content', () => {
  const large = bytesOf(200_001)
  test.each([1, 7, 1000, 70_000, 1_000_000])(
    'is taken out of a document that comes in pieces of %d bytes',
    async (step) => {
      const { text, received, contents } = await extract(document(large.toString('base64')), {}, step)
      const [mark = '', content] = [...received][0] ?? []
      expect(JSON.parse(text)).toEqual({
        n: 1,
        _attachments: { 'a "b"\\': { content_type: 'x/y', data: { received: mark } } },
      })
      expect(content).toEqual(contentOf(large))
      expect(contents[0]?.[0]).toBe('a "b"\\')
      expect(contents[0]?.[1].equals(large)).toBe(true)
    },
  )

  test('is taken out of every document of _bulk_docs', async () => {
    const docs = [1, 2, 3].map((seed) => ({
      _id: `${seed}`,
      _attachments: { photo: { data: bytesOf(70_000, seed).toString('base64') }, note: { data: 'eA==' } },
    }))
    const { text, contents } = await extract(JSON.stringify({ docs, new_edits: false }), { envelope: 'bulk' })
    expect(contents.map(([, bytes]) => bytes)).toEqual([1, 2, 3].map((seed) => bytesOf(70_000, seed)))
    expect(JSON.parse(text)).toMatchObject({
      docs: docs.map(({ _id }) => ({ _id, _attachments: { note: { data: 'eA==' } } })),
      new_edits: false,
    })
  })

  test.each([
    ['line ends as escapes', (text: string) => JSON.stringify(text.replaceAll(/.{76}/g, '$&\r\n'))],
    ['slashes as escapes', (text: string) => `"${text.replaceAll('/', '\\/')}"`],
    ['characters as numbers', (text: string) => `"${text.replaceAll('A', '\\u0041')}"`],
  ])('may be written with %s', async (_name, write) => {
    const text = `{"_attachments":{"a":{"data":${write(large.toString('base64'))}}}}`
    for (const step of [1, 3, 4096]) expect((await extract(text, {}, step)).contents[0]?.[1].equals(large)).toBe(true)
  })

  test.each([
    ['a character that is none', (text: string) => `${text.slice(0, 90_000)}-${text.slice(90_001)}`],
    ['padding before its end', (text: string) => `${text.slice(0, 80_000)}eA==${text.slice(80_000)}`],
    ['a group that is not whole', (text: string) => text.slice(0, -1)],
  ])('with %s is refused', async (_name, spoil) => {
    const failure = extract(document(spoil(bytesOf(150_000).toString('base64'))))
    expect(failure).rejects.toEqual(new Problem('bad_request', 'Invalid attachment data for a "b"\\'))
  })

  test('does not count for the size of the body, everything else does', async () => {
    const data = large.toString('base64')
    expect((await extract(document(data), { maxBytes: 200 })).contents).toHaveLength(1)
    expect(extract(document(data, { text: 'x'.repeat(200) }), { maxBytes: 200 })).rejects.toThrow('too_large')
  })
})

const long = bytesOf(150_000).toString('base64')
test.each<[string, object, ExtractOptions['envelope']]>([
  ['in a member of the document', { x: { _attachments: { a: { data: long } } } }, 'document'],
  ['in a member of an attachment', { _attachments: { a: { more: { data: long } } } }, 'document'],
  ['in place of an attachment', { _attachments: { data: long } }, 'document'],
  ['outside of docs', { _attachments: { a: { data: long } } }, 'bulk'],
  ['in a document that is no element', { docs: { x: { _attachments: { a: { data: long } } } } }, 'bulk'],
  ['under another name', { _attachments: { a: { Data: long } } }, 'document'],
])('a long text %s stays', async (_name, body, envelope) => {
  const { text, contents } = await extract(JSON.stringify(body), { envelope })
  expect([text, contents]).toEqual([JSON.stringify(body), []])
})

test.each([
  '',
  '{',
  '{"a":"',
  '{"_attachments":{"a":{"data":"eA',
  ']]}}',
  '{"a\\',
  `{"_attachments":{"a":{"data":"${'A'.repeat(100)}`,
])('malformed text %p is handed on', async (text) => {
  const kept = (await extract(text)).text
  expect(() => JSON.parse(kept)).toThrow()
  expect(kept.startsWith(text)).toBe(true)
})

test('any JSON with short contents stays as it came, however it is cut', async () => {
  await fc.assert(
    fc.asyncProperty(fc.json({ maxDepth: 6 }), fc.integer({ min: 1, max: 9 }), async (json, step) => {
      for (const text of [json, `{"_attachments":{"a":${json}}}`, `{"docs":[{"_attachments":{"a":${json}}}]}`]) {
        expect((await extract(text, {}, step)).text).toBe(text)
        expect((await extract(text, { envelope: 'bulk' }, step)).text).toBe(text)
      }
    }),
    { numRuns: 200 },
  )
})
