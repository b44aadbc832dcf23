import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Content } from '../../storage/documents/contract.ts'
import { hasMarks, markedText, withContents } from './inline.ts'

const stored = (names: Record<string, number>) =>
  `{"n": 1.0, "big": 12345678901234567890, "_attachments": {${Object.entries(names)
    .map(
      ([name, revpos]) =>
        `"${name}": {"stub": true, "digest": "md5-${btoa(name)}", "length": ${name.length}, "revpos": ${revpos}, "content_type": "text/x"}`,
    )
    .join(', ')}}}`

/** Opens contents that are their names, in chunks of `size`. */
function opener(size: number) {
  return async ({ digest }: Content): Promise<AsyncIterable<Uint8Array>> =>
    (async function* () {
      const bytes = Buffer.from(digest, 'base64')
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
    })()
}

async function joined(texts: AsyncIterable<string>): Promise<string> {
  return (await Array.fromAsync(texts)).join('')
}

async function* only(text: string) {
  yield text
}

describe('markedText()', () => {
  test('without attachments the text is left alone', () => {
    const text = '{"a": {"_attachments": 5}}'
    expect(markedText(text)).toBe(text)
    expect(hasMarks(text)).toBe(false)
  })

  test('contents in place, numbers as they were, attachments at the end', async () => {
    const text = await joined(withContents(only(markedText(stored({ hello: 1, x: 2 }))), opener(2)))
    expect(text).toBe(
      '{"n":1.0,"big":12345678901234567890,"_attachments":{' +
        '"hello":{"content_type":"text/x","revpos":1,"digest":"md5-aGVsbG8=","data":"aGVsbG8="},' +
        '"x":{"content_type":"text/x","revpos":2,"digest":"md5-eA==","data":"eA=="}}}',
    )
  })

  test('only what is newer than a generation', async () => {
    const marked = markedText(stored({ hello: 1, x: 2 }), 1)
    const { _attachments } = JSON.parse(await joined(withContents(only(marked), opener(64))))
    expect(_attachments.hello).toEqual({
      content_type: 'text/x',
      revpos: 1,
      digest: 'md5-aGVsbG8=',
      length: 5,
      stub: true,
    })
    expect(_attachments.x.data).toBe('eA==')
  })
})

describe('withContents()', () => {
  test('any content in chunks of any size', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 40 }), async (bytes, size) => {
        const digest = Buffer.from(bytes).toString('base64')
        const text = await joined(withContents(only(`"\u0001${digest} ${bytes.length}\u0001"`), opener(size)))
        expect(text).toBe(JSON.stringify(digest))
      }),
    )
  })

  test('who stops reading lets the content go', async () => {
    let released = false
    const endless = async () =>
      (async function* () {
        try {
          for (;;) yield Buffer.from('abc')
        } finally {
          released = true
        }
      })()
    for await (const text of withContents(only(markedText(stored({ x: 1 }))), endless)) {
      if (text === 'YWJj') break
    }
    expect(released).toBe(true)
  })

  test('what cannot be opened ends the answer with its error', async () => {
    const fails = () => Promise.reject(new Error('gone'))
    expect(joined(withContents(only(markedText(stored({ x: 1 }))), fails))).rejects.toThrow('gone')
  })
})
