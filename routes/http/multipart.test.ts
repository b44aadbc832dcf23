import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Problem } from '../../src/model/errors.ts'
import { multipartBoundary, multipartParts } from './multipart.ts'

async function* inChunks(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function read(body: Uint8Array, boundary: string, size = 7): Promise<(readonly [string | undefined, Buffer])[]> {
  const parts: (readonly [string | undefined, Buffer])[] = []
  for await (const { headers, body: content } of multipartParts(inChunks(body, size), boundary)) {
    parts.push([headers.get('x'), Buffer.concat(await Array.fromAsync(content))])
  }
  return parts
}

const text = async (body: string, boundary = 'b') =>
  (await read(Buffer.from(body), boundary)).map(([name, content]) => [name, content.toString()])

describe('multipartBoundary()', () => {
  test.each([
    ['multipart/related; boundary=abc', 'abc'],
    ['multipart/related;boundary="a b;c"', 'a b;c'],
    ['Multipart/Related; type="x"; Boundary=abc; charset=x', 'abc'],
    ['multipart/mixed; boundary=abc', undefined],
    ['application/json', undefined],
    [undefined, undefined],
  ])('%p: %p', (type, boundary) => {
    expect(multipartBoundary(type)).toBe(boundary)
  })

  test('none', () => {
    expect(() => multipartBoundary('multipart/related')).toThrow(Problem)
  })
})

describe('multipartParts()', () => {
  test.each<[string, string, [string | undefined, string][]]>([
    [
      'two',
      '--b\r\nx: 1\r\n\r\none\r\n--b\r\nX:2\r\n\r\ntwo\r\n--b--',
      [
        ['1', 'one'],
        ['2', 'two'],
      ],
    ],
    ['with what is around them', 'before\r\n--b\r\n\r\none\r\n--b--\r\nafter', [[undefined, 'one']]],
    ['no headers', '--b\r\n\r\none\r\n--b--', [[undefined, 'one']]],
    ['an empty one', '--b\r\nx: 1\r\n\r\n\r\n--b--', [['1', '']]],
    ['spaces behind the boundary', '--b \t\r\n\r\none\r\n--b--', [[undefined, 'one']]],
    ['line ends and dashes inside', '--b\r\n\r\n\r\n--\r\n--a\r\n\r\n--b--', [[undefined, '\r\n--\r\n--a\r\n']]],
    ['none', '--b--', []],
  ])('%s', async (_, body, parts) => {
    expect(await text(body)).toEqual(parts as never)
  })

  test.each([
    '',
    '--',
    '--b',
    '--b\r\nx: 1\r\n\r\none',
    '--b\r\n\r\none\r\n--b',
    '--bx\r\n\r\none\r\n--b--',
    'no boundary',
  ])('%p is malformed', (body) => {
    expect(text(body)).rejects.toThrow(Problem)
  })

  test('headers without end', () => {
    expect(text(`--b\r\n${'x: y\r\n'.repeat(10_000)}`)).rejects.toThrow(Problem)
    expect(text(`--b\r\n${'x'.repeat(100_000)}`)).rejects.toThrow(Problem)
  })

  test('a part that nobody reads is passed over', async () => {
    const names: (string | undefined)[] = []
    const body = Buffer.from(`--b\r\nx: 1\r\n\r\n${'y'.repeat(1_000)}\r\n--b\r\nx: 2\r\n\r\ntwo\r\n--b--`)
    for await (const { headers } of multipartParts(inChunks(body, 10), 'b')) names.push(headers.get('x'))
    expect(names).toEqual(['1', '2'])
  })

  test('any contents in chunks of any size', async () => {
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.string({ unit: fc.constantFrom('\r', '\n', '-', 'b'), maxLength: 30 }).map((made) => Buffer.from(made)),
    )
    const law = fc.asyncProperty(
      fc.array(content, { maxLength: 4 }),
      fc.integer({ min: 1, max: 50 }),
      async (contents, size) => {
        fc.pre(contents.every((one) => !`\r\n${Buffer.from(one).toString('latin1')}`.includes('\r\n--bbb')))
        const pieces = contents.flatMap((one) => [Buffer.from('--bbb\r\nx: 1\r\n\r\n'), one, Buffer.from('\r\n')])
        const parts = await read(Buffer.concat([...pieces, Buffer.from('--bbb--')]), 'bbb', size)
        expect(parts.map(([, bytes]) => bytes)).toEqual(contents.map((one) => Buffer.from(one)))
      },
    )
    await fc.assert(law)
  })
})
