/** Encrypts what must not be readable in the database, its dumps, backups and exports. */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'

/** Bytes of the key, of the nonce and of the tag of AES-256-GCM (NIST SP 800-38D). */
const keyBytes = 32
const nonceBytes = 12
const tagBytes = 16
/** Prefix of everything that is sealed; names the method. */
const mark = 'h1.'

export interface Secrets {
  /** Names the key without telling it: 16 hex digits. */
  readonly keyId: string
  /** A text that only `open` with the same context can read. The same text gives another result each time. */
  seal(clear: string, context: string): string
  /** `undefined` when it was not sealed with this key and context, or was changed. */
  open(sealed: string, context: string): string | undefined
}

/** Whether a text looks sealed, with whatever key. */
export function isSealed(text: unknown): text is string {
  return typeof text === 'string' && text.startsWith(mark)
}

/** Secrets under a key of 32 bytes. The key itself is not used twice: each purpose has one derived from it (RFC 5869). */
export function newSecrets(key: Uint8Array): Secrets {
  if (key.length !== keyBytes) throw new Error(`a key has ${keyBytes} bytes`)
  const sealing = Buffer.from(hkdfSync('sha256', key, '', 'hearth seal 1', keyBytes))
  return {
    keyId: createHmac('sha256', key).update('hearth key id').digest('hex').slice(0, 16),
    seal(clear, context) {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', sealing, nonce).setAAD(Buffer.from(context))
      const text = Buffer.concat([cipher.update(clear, 'utf8'), cipher.final()])
      return mark + Buffer.concat([nonce, text, cipher.getAuthTag()]).toString('base64url')
    },
    open(sealed, context) {
      if (!isSealed(sealed)) return undefined
      const bytes = Buffer.from(sealed.slice(mark.length), 'base64url')
      if (bytes.length < nonceBytes + tagBytes) return undefined
      const end = bytes.length - tagBytes
      try {
        const decipher = createDecipheriv('aes-256-gcm', sealing, bytes.subarray(0, nonceBytes))
        decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(end))
        return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, end)), decipher.final()]).toString('utf8')
      } catch {
        return undefined
      }
    },
  }
}
