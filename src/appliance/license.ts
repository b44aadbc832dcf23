/** The licence of the machine: enciphered for it and signed by who sold it. A bad one never replaces a good one. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { toBytes, toText } from '@std/streams'
import { z } from 'zod'
import { Problem } from '../model/errors.ts'
import { streamFrom } from '../platform/stream-from.ts'
import { decipher, encipher, newAgeKeys, withArmor, withoutArmor } from './age.ts'
import type { ApplianceConfig } from './configuration.ts'
import { codeOf, readIfThere, writeDurably } from './durable-file.ts'
import type { Places } from './places.ts'
import { isSignedBy, signBytes } from './signing-keys.ts'

const License = z.object({
  app: z.string(),
  users: z.number().int().nonnegative(),
  /** Such as `19 January 2038`. */
  expires: z.string(),
  name: z.string(),
  contact: z.string(),
})

/** What a licence says, in the order in which it is shown. */
export type License = z.infer<typeof License>

const Envelope = z.object({ license: z.string(), signature: z.string() })

export interface Licenses {
  /** The stored licence; `undefined` when there is none that is valid. */
  current(): Promise<License | undefined>
  /** Checks and stores a licence. Throws `not_found` when it is not valid, `bad_request` when it cannot be stored. */
  replace(upload: Uint8Array): Promise<License>
}

/** Opens the licence. `etc/license.identity` deciphers, `etc/license.pub` and the configuration say who signs. */
export function openLicenses(places: Places, config: () => ApplianceConfig): Licenses {
  const file = join(places.etc, 'license.asc')

  async function check(bytes: Uint8Array): Promise<License | undefined> {
    const identity = (await readIfThere(join(places.etc, 'license.identity')))?.trim()
    const signers = [...config().license.signers, ...linesOf(await readIfThere(join(places.etc, 'license.pub')))]
    if (identity === undefined || signers.length === 0) return undefined
    return openLicense(bytes, { identity, signers }).catch(() => undefined)
  }

  return {
    async current() {
      try {
        return await check(await readFile(file))
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined
        throw error
      }
    },
    async replace(upload) {
      const license = await check(upload)
      if (license === undefined) throw new Problem('not_found', 'The licence is not valid')
      try {
        await writeDurably(file, upload)
      } catch (error) {
        throw new Problem('bad_request', 'The licence cannot be stored', { cause: error })
      }
      return license
    },
  }
}

/** Deciphers and checks a licence file. Rejects, or resolves to `undefined`, when it is not a good one. */
export async function openLicense(
  bytes: Uint8Array,
  { identity, signers }: { readonly identity: string; readonly signers: readonly string[] },
): Promise<License | undefined> {
  const opened = await toText(streamFrom(await decipher([identity], once(withoutArmor(bytes)))))
  const envelope = Envelope.parse(JSON.parse(opened))
  const text = Buffer.from(envelope.license)
  if (!isSignedBy(signers, text, Buffer.from(envelope.signature, 'base64'))) return undefined
  const { app, users, expires, name, contact } = License.parse(JSON.parse(envelope.license))
  return { app, users, expires, name, contact }
}

/** Makes a licence file: signed, enciphered, as lines of text. Throws when the licence or a key is not usable. */
export async function makeLicense(
  request: unknown,
  { secret, recipient }: { readonly secret: string; readonly recipient: string },
): Promise<string> {
  const license = JSON.stringify(License.parse(request))
  const signature = signBytes(secret, Buffer.from(license)).toString('base64')
  const sealed = await encipher([recipient], once(Buffer.from(JSON.stringify({ license, signature }))))
  return `${withArmor(await toBytes(streamFrom(sealed))).trimEnd()}\n`
}

/** Makes the key of a new machine for licences if it has none, and returns its recipient. */
export async function makeLicenseIdentity(places: Places): Promise<string> {
  const { identity, recipient } = await newAgeKeys()
  await writeDurably(join(places.etc, 'license.identity'), `${identity}\n`)
  return recipient
}

/** The lines of a text that say something. */
export function linesOf(text: string | undefined): string[] {
  return (text ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
