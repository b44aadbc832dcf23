/** Ed25519 keys that sign packages and licences, as one line of text. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'

const publicPrefix = 'ed25519:'
const secretPrefix = 'ed25519-secret:'
/** The bytes before the 32 bytes of a key in DER (RFC 8410). */
const publicHead = Buffer.from('302a300506032b6570032100', 'hex')
const secretHead = Buffer.from('302e020100300506032b657004220420', 'hex')

export interface SigningKeys {
  readonly secret: string
  readonly public: string
}

/** A new pair. */
export function newSigningKeys(): SigningKeys {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const raw = (key: KeyObject, type: 'spki' | 'pkcs8') => (key.export({ type, format: 'der' }) as Buffer).subarray(-32)
  return {
    secret: secretPrefix + raw(privateKey, 'pkcs8').toString('base64'),
    public: publicPrefix + raw(publicKey, 'spki').toString('base64'),
  }
}

/** Signs bytes. Throws when the key is not one. */
export function signBytes(secret: string, bytes: Uint8Array): Buffer {
  const raw = rawKey(secret, secretPrefix)
  if (raw === undefined) throw new Error('this is not a secret signing key (ed25519-secret:...)')
  return sign(null, bytes, createPrivateKey({ key: Buffer.concat([secretHead, raw]), format: 'der', type: 'pkcs8' }))
}

/** Whether one of the public keys signed the bytes. Texts that are not keys count as none. */
export function isSignedBy(signers: readonly string[], bytes: Uint8Array, signature: Uint8Array): boolean {
  return signers.some((signer) => {
    const raw = rawKey(signer.trim(), publicPrefix)
    if (raw === undefined || signature.length !== 64) return false
    return verify(
      null,
      bytes,
      createPublicKey({ key: Buffer.concat([publicHead, raw]), format: 'der', type: 'spki' }),
      signature,
    )
  })
}

function rawKey(text: string, prefix: string): Buffer | undefined {
  if (!text.startsWith(prefix)) return undefined
  const raw = Buffer.from(text.slice(prefix.length), 'base64')
  return raw.length === 32 ? raw : undefined
}
