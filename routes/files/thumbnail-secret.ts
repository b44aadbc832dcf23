/**
 * The secret in the links to a file's thumbnails. It is computed, not kept: a list of thirty photos
 * would otherwise write thirty of them on every read.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { keyOf } from '../../src/instances/audience.ts'
import type { Instance } from '../../src/instances/service.ts'
import { secretLifetime } from './services.ts'

/** Two of these spans: secrets live for ten to twenty minutes, and stay the same for ten, so that caches keep images. */
const span = secretLifetime

/** 32 hex digits, good for this file of this instance only. */
export function thumbnailSecret(instance: Instance, fileId: string, now = Date.now()): string {
  return sign(instance, fileId, Math.floor(now / span))
}

export function isThumbnailSecret(instance: Instance, fileId: string, secret: string, now = Date.now()): boolean {
  const period = Math.floor(now / span)
  return [period, period - 1].some((one) => same(sign(instance, fileId, one), secret))
}

function sign(instance: Instance, fileId: string, period: number): string {
  const key = keyOf(instance, 'app')
  return createHmac('sha256', key).update(`thumbnails ${period} ${fileId}`).digest('hex').slice(0, 32)
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
