import { randomBytes } from 'node:crypto'

const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** 26 characters that sort by time: 48 bits of milliseconds, then 80 random ones (the form of a ULID). */
export function newJobId(now = Date.now()): string {
  let text = ''
  for (let value = now, count = 0; count < 10; count++, value = Math.floor(value / 32)) text = digits[value % 32] + text
  for (const byte of randomBytes(16)) text += digits[byte % 32]
  return text
}
