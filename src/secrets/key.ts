/** Where the key comes from: the setting, else a file in the data directory, made by the first start. */
import { randomBytes } from 'node:crypto'
import { type FileHandle, link, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { BodyRewriter, DatabaseRef, DocumentStore } from '../../storage/documents/contract.ts'
import type { Config } from '../config/settings.ts'
import { readDocument, writeDocument } from '../instances/own-documents.ts'
import { StartupError } from '../model/startup-error.ts'
import { accountsDoctype } from './accounts.ts'
import { sealText } from './sealed-store.ts'
import { newSecrets, type Secrets } from './secrets.ts'

const settings: DatabaseRef = { prefix: 'global', name: 'io.cozy.settings' }
const documentId = 'secrets'

/** The file of the key in a data directory. */
export function keyFileOf(dataDir: string): string {
  return join(dataDir, 'secrets.key')
}

/** The key that is configured or lies in the data directory. Throws StartupError when the file holds no key. */
export async function findKey({
  secrets,
  data_dir,
}: Pick<Config, 'secrets' | 'data_dir'>): Promise<Uint8Array | undefined> {
  return secrets.key === undefined ? readKeyFile(keyFileOf(data_dir)) : parseKey(secrets.key)
}

/**
 * The secrets of this server. The first start records in the database which key it has, so that a later one with another
 * key ends before it can write anything that the others cannot read. Throws StartupError.
 */
export async function openSecrets(
  config: Pick<Config, 'secrets' | 'data_dir'>,
  store: Pick<DocumentStore, 'read' | 'write' | 'createDatabase'>,
): Promise<Secrets> {
  const known = await knownKeyId(store)
  const found = await findKey(config)
  if (found === undefined && known !== undefined) {
    throw new StartupError(
      'the key of the secrets in the database is missing: put the file that hearth backup wrote beside the backup to ' +
        `${keyFileOf(config.data_dir)}, or set HEARTH_SECRETS_KEY`,
    )
  }
  const secrets = newSecrets(found ?? (await makeKeyFile(keyFileOf(config.data_dir))))
  const expected = known ?? (await noteKeyId(store, secrets.keyId))
  if (expected !== secrets.keyId) {
    const place = config.secrets.key === undefined ? keyFileOf(config.data_dir) : 'secrets.key (HEARTH_SECRETS_KEY)'
    throw new StartupError(`${place} is not the key with which the secrets in the database were encrypted`)
  }
  return secrets
}

/** Seals the accounts that were written before there was a key, once. */
export async function sealOldAccounts(
  store: Pick<DocumentStore, 'read' | 'write'> & BodyRewriter,
  secrets: Secrets,
): Promise<void> {
  const noted = await readDocument(store, settings, documentId)
  if (noted === undefined || noted.value['accounts'] === 'sealed') return
  await store.rewriteBodies(accountsDoctype, (ref, id, text) => sealText(ref, id, text, secrets))
  const value = { ...noted.value, accounts: 'sealed' }
  await writeDocument(store, { ref: settings, id: documentId, value, parent: noted })
}

/** The bytes of a key in the forms that people write. */
export function parseKey(text: string): Uint8Array | undefined {
  const trimmed = text.trim()
  if (/^[0-9a-fA-F]{64}$/.test(trimmed)) return Buffer.from(trimmed, 'hex')
  const bytes = Buffer.from(trimmed, 'base64')
  return /^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed) && bytes.length === 32 ? bytes : undefined
}

/** The key in a file; `undefined` when there is no file. Throws StartupError when it holds something else. */
export async function readKeyFile(path: string): Promise<Uint8Array | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'ENOENT') return undefined
    throw new StartupError(`the key file ${path} cannot be read`, { cause })
  }
  const key = parseKey(text)
  if (key === undefined) throw new StartupError(`the file ${path} does not hold a key`)
  return key
}

/** Writes a key where only its owner can read it; on disk when it resolves. An existing file is replaced as a whole. Throws StartupError. */
export function writeKeyFile(path: string, key: Uint8Array): Promise<void> {
  return placeKeyFile(path, key, rename)
}

/** `place` gives the complete file its name. */
async function placeKeyFile(
  path: string,
  key: Uint8Array,
  place: (temporary: string, path: string) => Promise<void>,
): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const file = await open(temporary, 'wx', 0o600)
    await file.writeFile(`${Buffer.from(key).toString('hex')}\n`)
    await syncAndClose(file)
    await place(temporary, path)
    await syncAndClose(await open(dirname(path), 'r'))
  } catch (cause) {
    throw new StartupError(`the key file ${path} cannot be written`, { cause })
  }
}

async function syncAndClose(file: FileHandle): Promise<void> {
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/**
 * Makes a key. Of several processes that start at once in one data directory one makes it and all get it: were the file
 * replaced, the key that the database knows could be lost.
 */
export async function makeKeyFile(path: string): Promise<Uint8Array> {
  await placeKeyFile(path, randomBytes(32), async (temporary) => {
    try {
      await link(temporary, path)
    } catch (error) {
      // Not every file system knows links.
      if ((error as { code?: unknown }).code !== 'EEXIST') return rename(temporary, path)
    }
    await rm(temporary)
  })
  const key = await readKeyFile(path)
  if (key === undefined) throw new StartupError(`the key file ${path} was taken away while it was made`)
  return key
}

async function knownKeyId(store: Pick<DocumentStore, 'read'>): Promise<string | undefined> {
  const id = (await readDocument(store, settings, documentId))?.value['key_id']
  return typeof id === 'string' ? id : undefined
}

/** Of several processes that start at once one is first; all get its key. */
async function noteKeyId(
  store: Pick<DocumentStore, 'read' | 'write' | 'createDatabase'>,
  keyId: string,
): Promise<string> {
  await store.createDatabase(settings)
  const written = await writeDocument(store, { ref: settings, id: documentId, value: { key_id: keyId } })
  if (written === 'ok') return keyId
  const other = await knownKeyId(store)
  if (other === undefined) throw new Error('the name of the key could not be stored')
  return other
}
