/** What opens an export: its id under a signature of the instance. Whoever has it may download, so it ends after a week. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { sessionKey } from '../auth/keys.ts'
import type { Instance } from '../instances/service.ts'
import { Problem } from '../model/errors.ts'

/** Seconds that an identifier is valid. */
const lifetime = 7 * 86_400
const name = 'exports'
const macBytes = 32
const timeBytes = 8

/**
 * The identifier in the form of cozy-stack: the time and the id, signed, in base64url without padding, and that once more in
 * base64url with padding.
 */
export function exportIdentifier(instance: Pick<Instance, 'document'>, id: string, nowMs: number): string {
  const time = Buffer.alloc(timeBytes)
  time.writeBigUInt64BE(BigInt(Math.floor(nowMs / 1000)))
  const payload = Buffer.concat([time, Buffer.from(id)])
  const text = Buffer.concat([payload, sign(instance, payload)]).toString('base64url')
  return padded(Buffer.from(text).toString('base64url'))
}

/** The id of the export. Throws `bad_request` for what is not an identifier, `unauthorized` for a wrong or old one. */
export function exportOf(instance: Pick<Instance, 'document'>, identifier: string, nowMs: number): string {
  if (!/^[A-Za-z0-9_-]+={0,2}$/.test(identifier) || identifier.length % 4 !== 0) {
    const place = /[^A-Za-z0-9_-]/.exec(identifier)?.index ?? identifier.length
    throw new Problem('bad_request', `illegal base64 data at input byte ${place}`)
  }
  const bytes = Buffer.from(Buffer.from(identifier, 'base64url').toString('latin1'), 'base64url')
  const payload = bytes.subarray(0, Math.max(0, bytes.length - macBytes))
  const mac = bytes.subarray(payload.length)
  if (mac.length !== macBytes || payload.length <= timeBytes || !timingSafeEqual(mac, sign(instance, payload))) {
    throw wrong()
  }
  if (Number(payload.readBigUInt64BE()) + lifetime < Math.floor(nowMs / 1000)) throw wrong()
  return payload.subarray(timeBytes).toString('latin1')
}

function sign(instance: Pick<Instance, 'document'>, payload: Uint8Array): Buffer {
  const key = Buffer.concat([Buffer.from('2:'), sessionKey(instance)])
  return createHmac('sha256', key).update(name).update(payload).digest()
}

function padded(text: string): string {
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=')
}

function wrong(): Problem {
  return new Problem('unauthorized', 'exports: invalid mac')
}
