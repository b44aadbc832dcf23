import { expect, test } from 'bun:test'
import type { Instance } from '../../src/instances/service.ts'
import { isThumbnailSecret, thumbnailSecret } from './thumbnail-secret.ts'

const instanceOf = (byte: number): Instance => ({
  id: `i${byte}`,
  rev: '1-a',
  domain: 'a.localhost',
  aliases: [],
  prefix: 'p',
  document: { session_secret: Buffer.alloc(64, byte).toString('base64') },
})
const minute = 60_000

test('a secret opens the thumbnails of one file of one instance for ten minutes at least', () => {
  const [instance, other] = [instanceOf(1), instanceOf(2)]
  const start = 1_700_000_000_000
  const secret = thumbnailSecret(instance, 'a', start)
  expect(secret).toMatch(/^[0-9a-f]{32}$/)
  expect(isThumbnailSecret(instance, 'a', secret, start + 10 * minute)).toBeTrue()
  expect(isThumbnailSecret(instance, 'a', secret, start + 20 * minute)).toBeFalse()
  expect(isThumbnailSecret(instance, 'b', secret, start)).toBeFalse()
  expect(isThumbnailSecret(other, 'a', secret, start)).toBeFalse()
  expect(isThumbnailSecret(instance, 'a', '', start)).toBeFalse()
})
