/** Where the hash of the admin passphrase is kept. */
import { readFile, stat } from 'node:fs/promises'
import type { DatabaseRef, DocumentStore } from '../../storage/documents/contract.ts'
import { type OwnDocument, readDocument, writeDocument } from '../instances/own-documents.ts'
import { StartupError } from '../model/startup-error.ts'
import { isPasswordHash } from './scrypt.ts'

export interface StoredSecret {
  readonly passphrase: string
  readonly hash: string
}

export interface SecretSource {
  /** The hash; `undefined` when it is missing now. */
  read(): Promise<string | undefined>
  /** The passphrase when this call made one. */
  readonly generated?: string
}

const database: DatabaseRef = { prefix: 'global', name: 'io.cozy.settings' }
const documentId = 'admin-passphrase'
/** How long a hash read from the database is cached, so that another process can change it. */
const believedMs = 5_000

/** Reads the hash from the server's own settings; makes a passphrase when there is none, and only one process wins. */
export async function secretInDatabase(store: DocumentStore, make: () => Promise<StoredSecret>): Promise<SecretSource> {
  let known: { readonly hash: string | undefined; readonly until: number } | undefined

  async function read(): Promise<string | undefined> {
    const now = Date.now()
    if (known !== undefined && now < known.until) return known.hash
    const hash = hashIn(await readDocument(store, database, documentId))
    known = { hash, until: now + believedMs }
    return hash
  }

  const existing = await readDocument(store, database, documentId)
  if (hashIn(existing) !== undefined) return { read }
  await store.createDatabase(database)
  const { passphrase, hash } = await make()
  // Based on what was read above: of two processes that start at once one gets a conflict and uses the other's.
  const written = await writeDocument(store, { ref: database, id: documentId, value: { hash }, parent: existing })
  if (written === 'ok') return { read, generated: passphrase }
  if (written === 'conflict') return { read }
  throw new Error('the admin passphrase could not be stored')
}

function hashIn(document: OwnDocument | undefined): string | undefined {
  const hash = document?.value['hash']
  return typeof hash === 'string' && isPasswordHash(hash) ? hash : undefined
}

/** Reads the hash from a file, again whenever the file changes. Rejects when it is not usable at the start. */
export async function secretInFile(path: string): Promise<SecretSource> {
  let known: { readonly hash: string | undefined; readonly changed: number } | undefined

  async function read(): Promise<string | undefined> {
    const changed = await stat(path).then(
      (info) => info.mtimeMs,
      () => undefined,
    )
    if (changed === undefined) return undefined
    if (known?.changed === changed) return known.hash
    const text = await readFile(path, 'utf8').catch(() => '')
    known = { hash: isPasswordHash(text) ? text.trim() : undefined, changed }
    return known.hash
  }

  if ((await read()) === undefined) {
    throw new StartupError(
      `admin.secret_filename: ${path} cannot be read or holds no line of the form scrypt$N$r$p$salt$key; make it with \`hearth config passwd FILE\``,
    )
  }
  return { read }
}
