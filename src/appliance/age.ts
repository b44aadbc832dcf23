/** Encryption in the age format (age-encryption.org/v1), as streams. */
import { armor, Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'

type Bytes = AsyncIterable<Uint8Array>

/** A new pair: the identity deciphers, the recipient enciphers. */
export async function newAgeKeys(): Promise<{ readonly identity: string; readonly recipient: string }> {
  const identity = await generateX25519Identity()
  return { identity, recipient: await identityToRecipient(identity) }
}

/** The recipient of an identity. */
export function recipientOf(identity: string): Promise<string> {
  return identityToRecipient(identity)
}

/** Enciphers for each of the recipients. Throws when one of them is none. */
export async function encipher(recipients: readonly string[], bytes: Bytes): Promise<Bytes> {
  const encrypter = new Encrypter()
  for (const recipient of recipients) encrypter.addRecipient(recipient)
  return encrypter.encrypt(streamOf(bytes)) as Promise<unknown> as Promise<Bytes>
}

/** Deciphers. Rejects when none of the identities is meant; reading fails where the bytes were changed or cut. */
export async function decipher(identities: readonly string[], bytes: Bytes): Promise<Bytes> {
  const decrypter = new Decrypter()
  for (const identity of identities) decrypter.addIdentity(identity)
  return decrypter.decrypt(streamOf(bytes)) as Promise<unknown> as Promise<Bytes>
}

/** The bytes of an enciphered text or file: armour is taken off. */
export function withoutArmor(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes).toString('latin1').trimStart()
  return text.startsWith('-----BEGIN AGE ENCRYPTED FILE-----') ? armor.decode(text) : bytes
}

/** As lines of text between two that say what it is. */
export function withArmor(bytes: Uint8Array): string {
  return armor.encode(bytes)
}

/** Whether bytes begin as an age file does. */
export function isAge(start: Uint8Array): boolean {
  return Buffer.from(start).toString('latin1').startsWith('age-encryption.org/')
}

function streamOf(bytes: Bytes): ReadableStream<Uint8Array> {
  const iterator = bytes[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await iterator.next()
        if (next.done === true) controller.close()
        else controller.enqueue(next.value)
      },
      async cancel() {
        await iterator.return?.()
      },
    },
    { highWaterMark: 0 },
  )
}
