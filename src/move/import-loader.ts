/**
 * Loads an archive beside an instance: documents into the databases of an unused namespace, contents into
 * objects that nothing references yet. Everything is checked on the way; the instance does not change.
 */
import { toBytes } from '@std/streams'
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { filesDoctype, type ObjectLedger, versionsDoctype } from '../../storage/files/contract.ts'
import type { ObjectStore } from '../../storage/objects/contract.ts'
import { type ReadEntry, readZip } from '../archive/zip-reader.ts'
import type { ZipSource } from '../archive/zip-source.ts'
import { newInternalId } from '../files/ids.ts'
import { checkName } from '../files/names.ts'
import { rootId, trashId, trashPath } from '../files/node.ts'
import { editOf, membersOf, type OwnEdit } from '../instances/own-documents.ts'
import { isDatabaseName } from '../model/doctypes.ts'
import { parseJson } from '../model/json/exact.ts'
import { isObject, type JsonObject } from '../model/json/value.ts'
import { storedName } from '../model/object-name.ts'
import { inParallel } from '../platform/parallel.ts'
import { streamFrom } from '../platform/stream-from.ts'
import { accountContext, accountsDoctype, openAccount, sealAccount, withoutSealed } from '../secrets/accounts.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { exportContext } from './archive.ts'
import { ImportFailure } from './import-failure.ts'
import {
  appDoctypes,
  isImported,
  placeOf,
  triggersDoctype,
  withOwnAddress,
  withOwnDomain,
  withoutCertificates,
} from './import-rules.ts'

/** Where triggers wait: under their own name they would begin to fire. No doctype of an archive can have this name. */
export const waitingTriggers = 'io.cozy.triggers (waiting)'

/** Entries of one part; their directory is held in memory. */
const maxEntries = 1_000_000
/** Documents, each with its content, that are loaded at the same time. */
const atOnce = 4
/** Bytes of documents that are written together, and how many. */
const gib = 1024 ** 3
const batch = { documents: 100, bytes: 4 * 1024 ** 2 }
/** Applications and accounts that are named to the owner: they are held in memory and sent by mail. */
const mostNamed = 1_000

export interface LoaderOptions {
  readonly store: Pick<DocumentStore, 'createDatabase' | 'write'>
  readonly objects: Pick<ObjectStore, 'put' | 'stat'>
  readonly ledger: Pick<ObjectLedger, 'lease' | 'renew'>
  readonly secrets: Secrets
  /** The namespace to fill. */
  readonly temporary: string
  /** The namespace of the instance, under which its contents lie. */
  readonly prefix: string
  readonly domain: string
  /** The owner's address here. */
  readonly email: unknown
  /** Bytes of contents. */
  readonly room: number | undefined
  readonly maxDocumentBytes: number
  readonly leaseMs: number
  readonly signal: AbortSignal
  /** Called with the bytes loaded since the last call. */
  readonly progress: (bytes: number) => void
  /** Gets the objects that are made. */
  readonly made: string[]
}

export class ArchiveLoader {
  /** Slugs of applications that the archive names. */
  readonly slugs = new Set<string>()
  /** Accounts whose secrets another key protects. */
  readonly withoutSecrets: string[] = []
  /** Bytes of contents. */
  contents = 0
  readonly #databases = new Set<string>()
  readonly #specials = new Set<string>()
  #waiting: OwnEdit[] = []
  #waitingBytes = 0

  readonly #options: LoaderOptions

  constructor(options: LoaderOptions) {
    this.#options = options
  }

  /** Loads one part. @throws ImportFailure, and Problem for an archive that is refused */
  async load(source: ZipSource): Promise<void> {
    const { room } = this.#options
    const maxBytes = room === undefined ? source.size * 200 + gib : 2 * room + gib
    // Ids of documents may be addresses such as `https://example.org`, and nothing is stored under these paths.
    const entries = await readZip(source, { maxEntries, maxBytes, emptyNames: true })
    if (entries.length === 0) throw new ImportFailure('a part of the archive is empty')
    // Each content waits for the disk twice: several wait together.
    await inParallel(atOnce, this.#pairs(entries), async ({ document, content }) => {
      this.#options.signal.throwIfAborted()
      const place = placeOf(document.path)
      if (place.kind !== 'document') return
      const { doctype, id } = place
      if (!isDatabaseName(doctype)) throw new ImportFailure(`the archive has a wrong doctype: ${doctype}`)
      const value = await this.#read(document, id)
      const hasContent = doctype === versionsDoctype || (doctype === filesDoctype && value['type'] !== 'directory')
      if (hasContent && content !== undefined) return this.#addContent(doctype, id, value, content)
      if (hasContent) throw new ImportFailure(`the archive has no content for ${doctype}/${id}`)
      if (content !== undefined) throw unexplained(content)
      if (doctype === filesDoctype) return this.#addDirectory(id, value)
      return this.#addDocument(doctype, id, value)
    })
    await this.#flush()
  }

  /** Each document with the content that follows it. */
  *#pairs(entries: readonly ReadEntry[]): Generator<{ readonly document: ReadEntry; readonly content?: ReadEntry }> {
    for (let at = 0; at < entries.length; at++) {
      const document = entries[at] as ReadEntry
      const { kind } = placeOf(document.path)
      if (kind === 'other' || document.kind === 'directory') continue
      if (kind === 'content') throw unexplained(document)
      const next = entries[at + 1]
      const content = next !== undefined && placeOf(next.path).kind === 'content' ? next : undefined
      if (content === undefined) yield { document }
      else {
        at++
        yield { document, content }
      }
    }
  }

  /** Makes what an instance cannot be without. */
  async finish(databases: readonly string[], hasFiles: boolean): Promise<void> {
    for (const name of databases) {
      // Those that wait get this name.
      if (name === triggersDoctype && this.#databases.has(waitingTriggers)) continue
      await this.#database(name)
    }
    if (!hasFiles) return
    await this.#database(filesDoctype)
    await this.#database(versionsDoctype)
    for (const id of [rootId, trashId]) {
      if (!this.#specials.has(id)) await this.#addDirectory(id, { created_at: now(), updated_at: now(), tags: [] })
    }
    await this.#flush()
  }

  /** Adds a document as it is. */
  async add(name: string, id: string, value: JsonObject): Promise<void> {
    await this.#database(name)
    this.#waiting.push({ ref: { prefix: this.#options.temporary, name }, id, value })
    if (this.#waiting.length >= batch.documents || this.#waitingBytes > batch.bytes) await this.#flush()
  }

  /** Writes what waits. */
  async flush(): Promise<void> {
    await this.#flush()
  }

  async #read(entry: ReadEntry, id: string): Promise<JsonObject> {
    // Printed with spaces, and with its id and revision, a document may be longer than when it was written.
    if (entry.size > 2 * this.#options.maxDocumentBytes + 65_536)
      throw new ImportFailure(`a document is too large: ${entry.path}`)
    const bytes = await toBytes(streamFrom(entry.open()))
    this.#waitingBytes += bytes.length
    this.#options.progress(bytes.length)
    const value = documentOf(bytes)
    if (value === undefined) throw new ImportFailure(`the archive has a document that is not JSON: ${entry.path}`)
    // A slash or an accent in an id may be written differently in a path: the document's own `_id` counts.
    if (value['_id'] !== id) throw new ImportFailure(`the archive has a document in a wrong place: ${entry.path}`)
    const { _id, _rev, _attachments, ...members } = value
    return members as JsonObject
  }

  async #addDocument(doctype: string, id: string, value: JsonObject): Promise<void> {
    if (appDoctypes.has(doctype) && isNameable(value['slug']) && this.slugs.size < mostNamed)
      this.slugs.add(value['slug'])
    if (!isImported(doctype, id, value)) return
    if (doctype === accountsDoctype) return this.add(doctype, id, this.#account(id, value))
    const name = doctype === triggersDoctype ? waitingTriggers : doctype
    const { domain, prefix, email } = this.#options
    await this.add(name, id, withOwnAddress(doctype, withOwnDomain(doctype, value, { domain, prefix }), email))
  }

  /** Its secrets are sealed for this instance; those that cannot be opened are left out. */
  #account(id: string, value: JsonObject): JsonObject {
    const { secrets, prefix } = this.#options
    const { account, incomplete } = openAccount(value, secrets, exportContext)
    if (incomplete && this.withoutSecrets.length < mostNamed) {
      this.withoutSecrets.push([value['account_type'], id].find(isNameable) ?? 'account')
    }
    return sealAccount(incomplete ? withoutSealed(account) : account, secrets, accountContext(prefix))
  }

  async #addDirectory(id: string, value: JsonObject): Promise<void> {
    if (id !== rootId && id !== trashId) {
      checkFileId(id)
      if (
        typeof value['dir_id'] !== 'string' ||
        typeof value['name'] !== 'string' ||
        typeof value['path'] !== 'string'
      ) {
        throw new ImportFailure(`the archive has a directory without a place: ${id}`)
      }
      const [before, ...names] = value['path'].split('/')
      if (before !== '') throw wrongName(id)
      checkNames(id, [value['name'], ...names])
      return this.add(filesDoctype, id, { ...value, type: 'directory' })
    }
    this.#specials.add(id)
    const place =
      id === rootId
        ? { dir_id: '', name: '', path: '/' }
        : { dir_id: rootId, name: trashPath.slice(1), path: trashPath }
    await this.add(filesDoctype, id, { ...value, type: 'directory', ...place })
  }

  async #addContent(doctype: string, id: string, document: JsonObject, content: ReadEntry): Promise<void> {
    const fileId = doctype === filesDoctype ? id : id.slice(0, Math.max(0, id.indexOf('/')))
    checkFileId(fileId)
    const { internal_vfs_id, path, ...value } = withoutCertificates(document)
    const { prefix, objects, ledger, leaseMs, room } = this.#options
    const size = Number(value['size'])
    if (size !== content.size)
      throw new ImportFailure(`the archive has content whose size differs from that in ${doctype}/${id}`)
    this.contents += size
    if (room !== undefined && this.contents > room) throw new ImportFailure('there is not enough space for the archive')
    const internalId = await this.#internalId(fileId, doctype === versionsDoctype ? id.slice(fileId.length + 1) : '')
    const object = storedName(prefix, fileId, internalId)
    await ledger.lease([object], leaseMs)
    this.#options.made.push(object)
    await objects.put(object, this.#counted(content), {
      contentType: typeof value['mime'] === 'string' ? value['mime'] : 'application/octet-stream',
      size,
      accept: (received) => {
        if (received.size === size && received.md5 === value['md5sum']) return
        throw new ImportFailure(`the archive has a damaged content: ${content.path}`)
      },
    })
    if (doctype === versionsDoctype) return this.add(versionsDoctype, `${fileId}/${internalId}`, value as JsonObject)
    if (typeof value['dir_id'] !== 'string' || typeof value['name'] !== 'string') {
      throw new ImportFailure(`the archive has a file without a place: ${id}`)
    }
    checkNames(id, [value['name']])
    await this.add(filesDoctype, id, { ...value, type: 'file', internal_vfs_id: internalId } as JsonObject)
  }

  /** A name that no content has: the present content must stay until the exchange. Versions keep theirs if they can. */
  async #internalId(fileId: string, wanted: string): Promise<string> {
    const isFree =
      /^[A-Za-z0-9-]{1,64}$/.test(wanted) &&
      (await this.#options.objects.stat(storedName(this.#options.prefix, fileId, wanted))) === undefined
    return isFree ? wanted : newInternalId()
  }

  async *#counted(content: ReadEntry): AsyncGenerator<Uint8Array> {
    for await (const chunk of content.open()) {
      this.#options.signal.throwIfAborted()
      this.#options.progress(chunk.byteLength)
      yield chunk
    }
  }

  async #database(name: string): Promise<void> {
    if (this.#databases.has(name)) return
    await this.#options.store.createDatabase({ prefix: this.#options.temporary, name })
    this.#databases.add(name)
  }

  async #flush(): Promise<void> {
    const edits = this.#waiting
    this.#waiting = []
    this.#waitingBytes = 0
    if (edits.length === 0) return
    const outcomes = await this.#options.store.write(edits.map(editOf))
    const bad = outcomes.findIndex(({ kind }) => kind !== 'ok')
    if (bad >= 0)
      throw new ImportFailure(`the archive holds a document twice: ${edits[bad]?.ref.name}/${edits[bad]?.id}`)
  }
}

function isNameable(name: unknown): name is string {
  return typeof name === 'string' && /^[\w.@:/-]{1,100}$/.test(name)
}

function unexplained({ path }: ReadEntry): ImportFailure {
  return new ImportFailure(`the archive does not say what this is: ${path}`)
}

function documentOf(bytes: Uint8Array): JsonObject | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return isObject(parseJson(text).exact) ? membersOf(text) : undefined
  } catch {
    return undefined
  }
}

/** Files and their contents lie under the id: it must lead nowhere else. */
function checkFileId(id: string): void {
  if (
    !/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(id) ||
    id.includes('..') ||
    id === 'thumbs' ||
    id === 'exports' ||
    id === 'imports'
  ) {
    throw new ImportFailure(`the archive has a file with a wrong id: ${id.slice(0, 100)}`)
  }
}

/** Downloads and copies elsewhere have these names: they must lead nowhere else. */
function checkNames(id: string, names: readonly string[]): void {
  try {
    for (const name of names) checkName(name)
  } catch {
    throw wrongName(id)
  }
}

function wrongName(id: string): ImportFailure {
  return new ImportFailure(`the archive has a file or directory with a wrong name: ${id}`)
}

function now(): string {
  return new Date().toISOString()
}
