import { expect, test } from 'bun:test'
import { LimitedBytesTransformStream, TextLineStream, toBytes, toText } from '@std/streams'
import { streamFrom } from '../platform/stream-from.ts'

const streamOf = (...sizes: readonly number[]) => streamFrom(sizes.map((size) => new Uint8Array(size).fill(size)))

test.each([[[]], [[3]], [[1, 0, 2]]])('toBytes() gives all bytes of chunks of %j', async (sizes) => {
  const bytes = await toBytes(streamOf(...sizes))
  expect([...bytes]).toEqual(sizes.flatMap((size) => new Array<number>(size).fill(size)))
})

test('toBytes() fails as its stream does', async () => {
  async function* failing() {
    yield new Uint8Array(1)
    throw new Error('cut')
  }
  await expect(toBytes(streamFrom(failing()))).rejects.toThrow('cut')
})

test.each([
  [[2, 2], 4, 4],
  [[2, 2], 5, 4],
  [[2, 2], 3, 2],
  [[5], 4, 0],
])('LimitedBytesTransformStream: chunks of %j within %d are %d bytes', async (sizes, limit, passed) => {
  const limited = streamOf(...sizes).pipeThrough(new LimitedBytesTransformStream(limit))
  expect((await toBytes(limited)).length).toBe(passed)
})

test('LimitedBytesTransformStream fails where it is asked to', async () => {
  const limited = streamOf(2, 2).pipeThrough(new LimitedBytesTransformStream(3, { error: true }))
  await expect(toBytes(limited)).rejects.toThrow(new RangeError("Exceeded byte size limit of '3'"))
})

test.each([
  ['bytes', [new Uint8Array([0xc3]), new Uint8Array([0xa9, 0x62])], 'éb'],
  ['text', ['é', 'b'], 'éb'],
  ['nothing', [], ''],
  ['a cut character', [new Uint8Array([0x61, 0xc3])], 'a\ufffd'],
])('toText() of %s', async (_what, chunks: readonly (string | Uint8Array)[], text) => {
  expect(await toText(streamFrom(chunks))).toBe(text)
})

test.each([
  [['a\nb\n'], ['a', 'b']],
  [
    ['a\r', '\nb'],
    ['a', 'b'],
  ],
  [
    ['a', 'b\n\nc'],
    ['ab', '', 'c'],
  ],
  [['\n'], ['']],
  [[], []],
])('TextLineStream: %j are the lines %j', async (chunks, expected) => {
  const lines: string[] = []
  for await (const line of streamFrom(chunks).pipeThrough(new TextLineStream())) lines.push(line)
  expect(lines).toEqual(expected)
})
