/**
 * The `import` worker: replaces what an instance holds by what an export holds. All of it is loaded beside the instance and
 * checked; one transaction puts it in place. Whatever fails before leaves the instance as it was.
 */
import { z } from 'zod'
import type { DocumentStore, TenantExchanger } from '../../storage/documents/contract.ts'
import { type FileStore, filesDoctype, versionsDoctype } from '../../storage/files/contract.ts'
import type { ObjectStore } from '../../storage/objects/contract.ts'
import { newInternalId } from '../files/ids.ts'
import { ownDatabases } from '../instances/create.ts'
import { membersOf, readDocument, scanDocuments } from '../instances/own-documents.ts'
import { settingsDoctype, settingsId, vaultId } from '../instances/records.ts'
import type { Instance, InstanceAdministration, Instances } from '../instances/service.ts'
import { JobFailure, type JobQueue, type Task, type Worker } from '../jobs/service.ts'
import { Problem } from '../model/errors.ts'
import { storedName, tenantPrefix, thumbnailNames } from '../model/object-name.ts'
import type { Outgoing } from '../outgoing/outgoing.ts'
import { OutgoingError } from '../outgoing/outgoing-error.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { reach } from './failpoints.ts'
import { ImportFailure } from './import-failure.ts'
import { ArchiveLoader, waitingTriggers } from './import-loader.ts'
import { appDoctypes, isUntouched, triggersDoctype } from './import-rules.ts'
import { fetchedSource, type ImportSource, uploadedSource } from './import-source.ts'
import type { ImportUploads } from './import-upload.ts'
import { quotaOf, readManifestAt, requireRoom } from './manifest.ts'
import { arrivedKind, permitKind, type TargetRecord } from './move-record.ts'
import { mailOwner } from './owner-mail.ts'
import { changeOwnerSettings } from './owner-settings.ts'
import type { MoveTarget } from './target.ts'
import { block, isBlockedBy, moveBlock, renewBlock, unblock } from './timed-block.ts'

/** The message of an import job. */
export const ImportOrder = z.object({
  manifest_url: z.string().default(''),
  /** What an operator has sent, instead of a link. */
  upload: z.string().optional(),
  secure: z.boolean().optional(),
  vault: z.boolean().optional(),
  /** The move that the import belongs to. */
  move: z.string().optional(),
})
export type ImportOrder = z.infer<typeof ImportOrder>

export interface ImportOptions {
  readonly store: DocumentStore & TenantExchanger & { readonly files: Pick<FileStore, 'ledger' | 'secrets'> }
  readonly objects: Pick<ObjectStore, 'put' | 'get' | 'stat'>
  readonly secrets: Secrets
  readonly instances: Instances & Pick<InstanceAdministration, 'find' | 'update' | 'settingsOf'>
  readonly jobs: JobQueue
  readonly outgoing: Pick<Outgoing, 'fetch'>
  readonly moving: Pick<MoveTarget, 'find' | 'renew' | 'complete' | 'giveUp'>
  readonly uploads: Pick<ImportUploads, 'open' | 'missing' | 'drop'>
  readonly maxDocumentBytes: number
  /** Seconds that an instance stays blocked without progress. */
  readonly maxDuration: number
}

/** How long a job that is begun again knows what it has done. */
const markMs = 7 * 86_400_000
/** The longest import. */
const timeout = 7 * 86_400
const leaseMs = (timeout + 86_400) * 1000
const gib = 1024 ** 3

interface Done {
  readonly notInstalled: readonly string[]
  readonly withoutSecrets: readonly string[]
}

export function importWorker(options: ImportOptions): Worker {
  return {
    name: 'import',
    concurrency: 1,
    timeout,
    // Only the source of a move that does not answer is asked again: for a week.
    maxExecCount: 1_000,
    retryDelayMs: () => 10 * 60_000,
    async run(task) {
      const instance = await options.instances.byHost(task.tenant.domain)
      if (instance === undefined) throw new JobFailure('the instance is gone', { final: true })
      const order = ImportOrder.safeParse(task.message ?? {})
      if (!order.success) throw new JobFailure('jobs: message unmarshal', { final: true })
      const { upload, move, ...others } = order.data
      // What it belongs to is for the server to say.
      const record = move === undefined || !task.trusted ? undefined : await options.moving.find(instance, move)
      if (move !== undefined && record === undefined) throw new JobFailure('the move is over', { final: true })
      await new Import(options, task, instance, task.trusted ? order.data : others, record).run()
    },
  }
}

class Import {
  readonly #prefix: string
  readonly #temporary: string
  readonly #objects: string[] = []
  readonly #installed = new Set<string>()
  #moved = true
  #bytes = 0
  /** Bytes that will have passed at the end, where it is known. */
  #expected: number | undefined

  readonly #options: ImportOptions
  readonly #task: Task
  readonly #instance: Instance
  readonly #order: ImportOrder
  readonly #move: TargetRecord | undefined

  constructor(
    options: ImportOptions,
    task: Task,
    instance: Instance,
    order: ImportOrder,
    move: TargetRecord | undefined,
  ) {
    this.#options = options
    this.#task = task
    this.#instance = instance
    this.#order = order
    this.#move = move
    this.#prefix = instance.prefix
    this.#temporary = `${instance.prefix}-import`
  }

  async run(): Promise<void> {
    const before = await this.#done()
    if (before !== undefined) return this.#end(before)
    const { instances, maxDuration } = this.#options
    const { log, attempt } = this.#task
    if (attempt > 1 || !(await this.#close())) throw new JobFailure('import: the instance is blocked', { final: true })
    const timer = setInterval(
      () => {
        if (!this.#moved) return
        this.#moved = false
        renewBlock(instances, this.#instance.domain, this.#by, maxDuration * 1000).catch((error: unknown) =>
          log.warning('the block of an import could not be renewed', { error }),
        )
      },
      Math.min(60_000, maxDuration * 250),
    )
    let done: Done
    try {
      done = await this.#replace()
    } catch (error) {
      // The connection may have broken when all was done.
      const arrived = await this.#done().catch(() => undefined)
      if (arrived === undefined) {
        await this.#giveUp(error)
        throw failureOf(error)
      }
      done = arrived
    } finally {
      clearInterval(timer)
    }
    await reach('move:exchanged')
    await this.#end(done)
  }

  /** Whose the block is, and what is done is noted under. */
  get #mark(): string {
    return this.#move?.id ?? this.#task.id
  }

  get #by(): string {
    return this.#move === undefined ? this.#task.id : moveBlock(this.#move.id)
  }

  async #done(): Promise<Done | undefined> {
    const done = await this.#options.store.files.secrets.get(this.#prefix, arrivedKind, this.#mark)
    return done === undefined ? undefined : (JSON.parse(done) as Done)
  }

  /** Blocks the instance, which a move has done before. */
  async #close(): Promise<boolean> {
    const { instances, maxDuration, moving } = this.#options
    const { domain } = this.#instance
    if (this.#move === undefined) {
      return block(instances, domain, { by: this.#by, reason: 'IMPORTING', forMs: maxDuration * 1000 })
    }
    await moving.renew(this.#instance, this.#move)
    return isBlockedBy((await instances.find(domain)).document, this.#by)
  }

  async #replace(): Promise<Done> {
    const { store, instances } = this.#options
    const quota = quotaOf(this.#instance.document['disk_quota'])
    const source = await this.#source(quota)
    requireRoom(source, quota)
    await store.dropPrefix(this.#temporary)
    const loader = await this.#load(source, quota)
    const wants = (name: string) => source.doctypes?.has(name) ?? true
    const hasFiles = wants(filesDoctype)
    const replaces = (name: string) =>
      !isUntouched(name) && (name === versionsDoctype ? hasFiles || wants(name) : wants(name))
    await loader.finish(ownDatabases.filter(replaces), hasFiles)
    await this.#carryOver(loader, replaces)
    const done: Done = {
      notInstalled: [...loader.slugs].filter((slug) => !this.#installed.has(slug)),
      withoutSecrets: loader.withoutSecrets,
    }
    // Whoever let others in since, by hand or by the deadline, does not want what they did to be lost.
    if (!isBlockedBy((await instances.find(this.#instance.domain)).document, this.#by)) {
      throw new ImportFailure('it took too long')
    }
    this.#task.signal.throwIfAborted()
    await reach('move:loaded')
    await store.exchangeTenant({
      from: this.#temporary,
      to: this.#prefix,
      replaces,
      renamed: new Map([[waitingTriggers, triggersDoctype]]),
      objectsOf: (name, document, age) => this.#objectsOf(name, document, age),
      mark: { kind: arrivedKind, secret: this.#mark, value: JSON.stringify(done), forMs: markMs },
      permit: this.#move && { kind: permitKind, secret: this.#move.id },
    })
    return done
  }

  async #source(quota: number | undefined): Promise<ImportSource> {
    const { store, objects, outgoing, uploads } = this.#options
    const { signal } = this.#task
    const { ledger } = store.files
    // Another one each time: what an interrupted attempt has let go must not be put again under its name.
    const key = newInternalId()
    if (this.#order.upload !== undefined) return uploadedSource(uploads, this.#prefix, this.#order.upload)
    return fetchedSource(await readManifestAt(outgoing, this.#manifestUrl()), {
      outgoing,
      objects,
      signal,
      maxBytes: quota === undefined ? 16_384 * gib : 2 * quota + gib,
      progress: (bytes) => this.#progress(bytes),
      objectOf: (part) => `${tenantPrefix(this.#prefix)}imports/${key}/${part}`,
      lease: async (object) => {
        this.#objects.push(object)
        await ledger.lease([object], leaseMs)
      },
      release: (object) => ledger.renew([object], 0),
    })
  }

  #progress(bytes: number): void {
    this.#moved = true
    this.#bytes += bytes
    this.#task.progress(this.#bytes, this.#expected, 'bytes')
  }

  async #load(source: ImportSource, quota: number | undefined): Promise<ArchiveLoader> {
    const { store, objects, secrets, instances, maxDocumentBytes } = this.#options
    const { email } = await instances.settingsOf(this.#instance)
    if (source.filesSize !== undefined) this.#expected = source.passes * source.size
    const loader = new ArchiveLoader({
      store,
      objects,
      ledger: store.files.ledger,
      secrets,
      temporary: this.#temporary,
      prefix: this.#prefix,
      domain: this.#instance.domain,
      email,
      room: quota,
      maxDocumentBytes,
      leaseMs,
      signal: this.#task.signal,
      progress: (bytes) => this.#progress(bytes),
      made: this.#objects,
    })
    for (let number = 0; number < source.parts; number++) {
      await loader.load(await source.part(number))
      await source.done(number)
    }
    const { filesSize } = source
    if (filesSize !== undefined && filesSize !== loader.contents) {
      throw new ImportFailure(`the archive holds ${loader.contents} bytes of files instead of ${filesSize}`)
    }
    return loader
  }

  /** What stays of the databases that are replaced: settings of the owner, and rights of applications. */
  async #carryOver(loader: ArchiveLoader, replaces: (name: string) => boolean): Promise<void> {
    const { store } = this.#options
    const prefix = this.#prefix
    for (const name of appDoctypes) {
      for await (const { value } of scanDocuments(store, { prefix, name })) {
        if (typeof value['slug'] === 'string') this.#installed.add(value['slug'])
      }
    }
    if (replaces(settingsDoctype)) {
      for (const id of [settingsId, vaultId]) {
        const found = await readDocument(store, { prefix, name: settingsDoctype }, id)
        if (found === undefined) continue
        const { importing, ...value } = found.value
        await loader.add(settingsDoctype, id, value)
      }
    }
    const name = 'io.cozy.permissions'
    if (replaces(name)) {
      for await (const { id, value } of scanDocuments(store, { prefix, name })) {
        if (['app', 'konnector'].includes(String(value['type']))) await loader.add(name, id, value)
      }
    }
    await loader.flush()
  }

  #objectsOf(name: string, { id, text }: { readonly id: string; readonly text: string }, age: 'old' | 'new') {
    if (name === versionsDoctype) {
      const slash = id.indexOf('/')
      return [storedName(this.#prefix, id.slice(0, slash), id.slice(slash + 1))]
    }
    const { type, internal_vfs_id } = membersOf(text)
    if (type === 'directory' || typeof internal_vfs_id !== 'string') return []
    const content = storedName(this.#prefix, id, internal_vfs_id)
    return age === 'old' ? [content, ...thumbnailNames(this.#prefix, id)] : [content]
  }

  #manifestUrl(): URL {
    const { manifest_url } = this.#order
    if (!URL.canParse(manifest_url)) throw new ImportFailure('the link is not one of an export')
    return new URL(manifest_url)
  }

  async #end({ notInstalled, withoutSecrets }: Done): Promise<void> {
    const { moving } = this.#options
    const values = {
      CozyLink: `${this.#order.secure === false ? 'http' : 'https'}://${this.#instance.domain}/`,
      AppsNotInstalled: notInstalled.join(', '),
      AccountsWithoutSecrets: withoutSecrets.join(', '),
    }
    if (this.#move === undefined) {
      await this.#open()
      return mailOwner(this.#options, this.#instance, 'import_success', values)
    }
    if (this.#move.ended !== undefined) return
    const outcome = await moving.complete(this.#instance, this.#move, this.#task.signal)
    if (this.#task.attempt === 1) {
      const SourceStays = outcome === 'moved' ? '' : this.#move.source
      await mailOwner(this.#options, this.#instance, 'move_success', { ...values, SourceStays })
    }
    if (outcome === 'away') throw new JobFailure('the former server does not answer')
  }

  /** The instance is unchanged: it opens again, and its owner is informed. */
  async #giveUp(error: unknown): Promise<void> {
    const { store, moving } = this.#options
    const { signal, log } = this.#task
    // Stopped with its process, or taken by another one: it is begun again.
    const goesOn = signal.aborted && (signal.reason as Error).message !== 'timeout'
    try {
      await store.files.ledger.renew(this.#objects, 0)
      if (goesOn) return
      log.warning('an import failed', { error })
      const reason = failureOf(error).message
      await store.dropPrefix(this.#temporary)
      if (this.#move !== undefined) {
        await moving.giveUp(this.#instance, this.#move, { reason, tell: AbortSignal.timeout(60_000) })
        return
      }
      await this.#open()
      await mailOwner(this.#options, this.#instance, 'import_error', { Reason: reason })
    } catch (failure) {
      log.error('a failed import could not be cleared away', { error: failure })
    }
  }

  async #open(): Promise<void> {
    const { store, instances, uploads } = this.#options
    await changeOwnerSettings(store, this.#instance, { importing: undefined })
    await unblock(instances, this.#instance.domain, this.#by)
    if (this.#order.upload !== undefined) await uploads.drop(this.#prefix, this.#order.upload)
  }
}

/** What is shown to the owner. */
function failureOf(error: unknown): JobFailure {
  const isForOwner = error instanceof ImportFailure || error instanceof OutgoingError || error instanceof JobFailure
  const told = error instanceof Problem && error.status < 500 ? error.reason : undefined
  const reason = told ?? (isForOwner ? error.message : 'the import failed')
  return new JobFailure(reason, { final: true, cause: error })
}
