import { expect, test } from 'bun:test'
import { Buffer } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { freeMemory } from '../platform/free-memory.ts'
import { checkedGzip } from './gzip.ts'

/** Pieces as they come from a socket: each is freed when the next one is asked for. */
async function* arriving(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    const piece = new Uint8Array(bytes.subarray(at, at + size))
    await setImmediate()
    yield piece
    freeMemory(piece)
  }
}

async function passed(bytes: Uint8Array, size: number, maxBytes = 1_000_000): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of checkedGzip(arriving(bytes, size), 'a', maxBytes)) pieces.push(new Uint8Array(piece))
  return new Uint8Array(Buffer.concat(pieces))
}

const packed = new Uint8Array(gzipSync(randomBytes(100_000)))
const padding = new Uint8Array(3_000)

test.each<[string, Uint8Array]>([
  ['one member', packed],
  ['two members', Buffer.concat([packed, packed])],
  ['padding behind the end', Buffer.concat([packed, padding])],
])('%s passes unchanged, in pieces of any size', async (_what, bytes) => {
  for (const size of [100, 1_000, 20_000, 500_000]) expect(Buffer.compare(await passed(bytes, size), bytes)).toBe(0)
})

test.each<[string, Uint8Array, string]>([
  ['what is cut short', packed.subarray(0, -4), 'bad_request'],
  ['what has something else behind it', Buffer.concat([packed, new Uint8Array(3_000).fill(7)]), 'bad_request'],
  ['what is not gzip', new Uint8Array(5_000), 'bad_request'],
  ['what unpacks to too much', new Uint8Array(gzipSync(new Uint8Array(50_000_000))), 'attachment_too_large'],
])('%s is refused', async (_what, bytes, code) => {
  for (const size of [1_000, 500_000]) await expect(passed(bytes, size)).rejects.toMatchObject({ code })
})
