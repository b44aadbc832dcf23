/** Lists the content of an export: one listing for each part, from one snapshot of the instance. */
import type { StoredDocument, TenantReader, TenantSnapshot } from '../../storage/documents/contract.ts'
import { filesDoctype, versionsDoctype } from '../../storage/files/contract.ts'
import type { ObjectStore } from '../../storage/objects/contract.ts'
import { joinPath } from '../files/paths.ts'
import { membersOf } from '../instances/own-documents.ts'
import type { Instance } from '../instances/service.ts'
import { stringifyJson } from '../model/json/exact.ts'
import type { JsonObject } from '../model/json/value.ts'
import { storedName, tenantPrefix } from '../model/object-name.ts'
import { formatRevision } from '../model/revision.ts'
import { accountContext, accountsDoctype, openAccount, sealAccount } from '../secrets/accounts.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { PartBreaker } from './cursors.ts'
import type { ArchivePart } from './export-document.ts'
import { type Line, ListingWriter } from './listing.ts'
import { ObjectWriter } from './object-writer.ts'

/** What secrets in archives are bound to: the server that opens them must have the same key. */
export const exportContext = 'export'

const root = 'My Cozy/'
const modes = { plain: 0o640, executable: 0o750 }
/** Contents whose presence is looked up at the same time. */
const batch = 100

export interface ArchiveOptions {
  readonly store: TenantReader
  readonly objects: Pick<ObjectStore, 'put' | 'stat'>
  readonly secrets: Secrets
  readonly instance: Instance
  readonly exportId: string
  readonly partsSize: number
  /** Absent: all. */
  readonly doctypes: ReadonlySet<string> | undefined
  readonly createdAtMs: number
  readonly signal: AbortSignal
  /** Called before an object is written. */
  readonly lease: (object: string) => Promise<void>
  readonly progress: (bytes: number) => void
}

export interface Archive {
  readonly parts: readonly ArchivePart[]
  /** `undefined` when files are left out. */
  readonly cursors: readonly string[] | undefined
  /** Bytes of the JSON of the instance, its documents and directories. */
  readonly totalSize: number
  /** Bytes of files and versions. */
  readonly filesSize: number
}

export function writeArchive(options: ArchiveOptions): Promise<Archive> {
  return options.store.readTenant(options.instance.prefix, (snapshot) => new ArchiveWriter(options, snapshot).run())
}

interface Directory {
  readonly document: StoredDocument
  readonly parent: string
  readonly path: string
}

class ArchiveWriter {
  readonly #parts: ArchivePart[] = []
  readonly #breaker: PartBreaker
  #object: ObjectWriter | undefined
  #listing: ListingWriter | undefined
  #name = ''
  #totalSize = 0
  #filesSize = 0

  readonly #options: ArchiveOptions
  readonly #snapshot: TenantSnapshot

  constructor(options: ArchiveOptions, snapshot: TenantSnapshot) {
    this.#options = options
    this.#snapshot = snapshot
    this.#breaker = new PartBreaker(options.partsSize)
  }

  async run(): Promise<Archive> {
    try {
      await this.#beginPart()
      await this.#addDocument('instance.json', stringifyJson(instanceMembers(this.#options.instance)))
      for (const name of this.#snapshot.names) await this.#addDoctype(name)
      const directories = this.#wants(filesDoctype) ? await this.#addDirectories() : new Map<string, Directory>()
      if (this.#wants(filesDoctype)) await this.#addFiles(directories)
      if (this.#wants(versionsDoctype)) await this.#addVersions()
      await this.#endPart()
    } catch (error) {
      await this.#object?.abort()
      throw error
    }
    return {
      parts: this.#parts,
      cursors: this.#wants(filesDoctype) ? this.#breaker.cursors : undefined,
      totalSize: this.#totalSize,
      filesSize: this.#filesSize,
    }
  }

  #wants(doctype: string): boolean {
    return this.#options.doctypes?.has(doctype) ?? true
  }

  async #addDoctype(name: string): Promise<void> {
    if (name === filesDoctype || name === versionsDoctype || !this.#wants(name)) return
    for await (const document of this.#snapshot.documents(name)) {
      const text = name === accountsDoctype ? this.#forArchive(document) : document.text
      await this.#addDocument(`${encodeURIComponent(name)}/${document.id}.json`, wholeText(document, text))
    }
  }

  /** Secrets are sealed again, so that another instance of a server with the same key can open them. */
  #forArchive({ text }: StoredDocument): string {
    const { instance, secrets } = this.#options
    const { account } = openAccount(membersOf(text), secrets, accountContext(instance.prefix))
    return stringifyJson(sealAccount(account, secrets, exportContext))
  }

  /** Parents before children, children by id. */
  async #addDirectories(): Promise<Map<string, Directory>> {
    const known = new Map<string, Directory>()
    const children = new Map<string, string[]>()
    for await (const document of this.#snapshot.documents(filesDoctype)) {
      const value = membersOf(document.text)
      if (value['type'] !== 'directory') continue
      const parent = String(value['dir_id'] ?? '')
      known.set(document.id, { document, parent, path: String(value['path'] ?? '/') })
      const siblings = children.get(parent)
      if (siblings) siblings.push(document.id)
      else children.set(parent, [document.id])
    }
    const seen = new Set<string>()
    const add = async (id: string): Promise<void> => {
      const directory = known.get(id)
      if (directory === undefined || seen.has(id)) return
      seen.add(id)
      await this.#addDocument(`${filesDoctype}/${id}.json`, wholeText(directory.document))
      for (const child of children.get(id) ?? []) await add(child)
    }
    // Nodes without a parent, as in a damaged tree, come last.
    for (const [id, { parent }] of known) if (parent === '') await add(id)
    for (const id of known.keys()) await add(id)
    return known
  }

  async #addFiles(directories: ReadonlyMap<string, Directory>): Promise<void> {
    await this.#addContents(filesDoctype, (document, value) => {
      if (value['type'] !== 'file') return undefined
      const directory = directories.get(String(value['dir_id']))?.path ?? '/'
      const path = joinPath(directory, String(value['name']))
      return { object: this.#objectOf(document.id, value['internal_vfs_id']), path: path.replace(/^\//, '') }
    })
  }

  async #addVersions(): Promise<void> {
    await this.#addContents(versionsDoctype, (document) => {
      const slash = document.id.indexOf('/')
      const [file, internal] = [document.id.slice(0, slash), document.id.slice(slash + 1)]
      return { object: this.#objectOf(file, internal), path: document.id }
    })
  }

  #objectOf(file: string, internal: unknown): string {
    return storedName(this.#options.instance.prefix, file, String(internal))
  }

  async #addContents(
    doctype: typeof filesDoctype | typeof versionsDoctype,
    placeOf: (document: StoredDocument, value: JsonObject) => { object: string; path: string } | undefined,
  ): Promise<void> {
    for await (const documents of inBatches(this.#snapshot.documents(doctype), batch)) {
      const found = documents.flatMap((document) => {
        const value = membersOf(document.text)
        const place = placeOf(document, value)
        return place === undefined ? [] : [{ document, value, ...place }]
      })
      const stats = await Promise.all(found.map(({ object }) => this.#options.objects.stat(object)))
      for (const [at, { document, value, object, path }] of found.entries()) {
        const stat = stats[at]
        const size = stat?.size ?? 0
        if (this.#breaker.beginsPart({ doctype, id: document.id, size: Number(value['size'] ?? 0) })) {
          await this.#endPart()
          await this.#beginPart()
        }
        const modified = Date.parse(String(value['updated_at']))
        const when = Number.isNaN(modified) ? this.#options.createdAtMs : modified
        const text = wholeText(document)
        const json = { path: `${root}Data/${doctype}/${document.id}.json`, at: when, mode: modes.plain }
        await this.#add({ ...json, text, size: Buffer.byteLength(text) })
        // Content that is lost cannot be given out; that it is lost shows by its absence.
        if (stat === undefined) continue
        const mode = value['executable'] === true ? modes.executable : modes.plain
        await this.#add({ path: `${root}Files/${path}`, at: when, mode, object, size })
        this.#filesSize += size
        this.#options.progress(this.#filesSize)
      }
    }
  }

  async #addDocument(path: string, text: string): Promise<void> {
    const size = Buffer.byteLength(text)
    this.#totalSize += size
    await this.#add({ path: `${root}Data/${path}`, at: this.#options.createdAtMs, mode: modes.plain, text, size })
  }

  async #add(line: Line): Promise<void> {
    this.#options.signal.throwIfAborted()
    await this.#listing?.add(line)
  }

  async #beginPart(): Promise<void> {
    const { objects, exportId, instance, lease } = this.#options
    this.#name = `${tenantPrefix(instance.prefix)}exports/${exportId}/${this.#parts.length}`
    await lease(this.#name)
    const writer = new ObjectWriter(objects, this.#name)
    this.#object = writer
    this.#listing = new ListingWriter((bytes) => writer.write(bytes))
  }

  async #endPart(): Promise<void> {
    const length = (await this.#listing?.end()) ?? 0
    await this.#object?.end()
    this.#object = undefined
    this.#parts.push({ object: this.#name, length })
  }
}

/** A document as readers get it. */
function wholeText(document: StoredDocument, text: string = document.text): string {
  const head = `"_id":${JSON.stringify(document.id)},"_rev":"${formatRevision(document)}"`
  return text === '{}' ? `{${head}}` : `{${head},${text.slice(1)}`
}

/** The archive's description of the instance: it contains no secrets. */
function instanceMembers({ id, rev, document }: Instance): JsonObject {
  const secret = /secret|token|passphrase_(hash|reset)|password|kdf|_cluster$|^indexes_version$|^_/
  const shown = Object.entries(document).filter(([name]) => !secret.test(name) || name === 'password_defined')
  return { _id: id, _rev: rev, ...(Object.fromEntries(shown) as JsonObject) }
}

async function* inBatches<Item>(items: AsyncIterable<Item>, size: number): AsyncGenerator<readonly Item[]> {
  let batched: Item[] = []
  for await (const item of items) {
    batched.push(item)
    if (batched.length < size) continue
    yield batched
    batched = []
  }
  if (batched.length > 0) yield batched
}
