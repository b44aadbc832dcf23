import { expect, test } from 'bun:test'
import { LimitedBytesTransformStream, toBytes } from '@std/streams'
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
