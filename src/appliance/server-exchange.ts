/**
 * Exchanges everything that this server keeps. What is being done is in a journal on disk, so that the next start can finish
 * it, or undo it, whatever happened in between.
 */
import { createHash } from 'node:crypto'
import { appendFile, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { FilledObjects, StoreFilling } from '../../storage/backup/contract.ts'
import type { ObjectStore } from '../../storage/objects/contract.ts'
import { restoreBackup } from '../backup/restore.ts'
import type { Log } from '../log.ts'
import { StartupError } from '../model/startup-error.ts'
import { readJsonIfThere, writeDurably } from './durable-file.ts'
import { reach } from './failpoints.ts'
import type { ServerExchange } from './restore.ts'

/** The place of the documents, and the one beside it that is filled. `job` names both. */
export interface Places {
  /** Version of the tables' schema. */
  readonly schema: number
  /** Fills the place beside; nothing of it stays when `work` rejects. Throws a StartupError when it may not be made. */
  fillNext<T>(job: string, lastDatabase: string, work: (store: StoreFilling) => Promise<T>): Promise<T>
  /** `none` of the two is there, `next` waits, or it has taken the place. */
  state(job: string): Promise<'none' | 'next' | 'exchanged'>
  /** In one step. Throws a StartupError when others use the database. */
  exchange(job: string): Promise<void>
  exchangeBack(job: string): Promise<void>
  /** Drops what is not current. */
  drop(job: string): Promise<void>
  /** Keeps every process from deleting objects until it is released. */
  holdDeletions(): Promise<{ release(): Promise<void> }>
}

/** The server that is being exchanged. */
export interface ExchangedServer {
  /** While it serves. */
  readonly serving: Places
  /** While it is closed. */
  readonly closed: Places
  readonly objects: ObjectStore
  /** Answers everything with 503 and closes the store, lets `work` run, and opens all of it again. */
  whileClosed(work: () => Promise<void>): Promise<void>
}

/** What is on disk about an exchange. Lists of objects lie beside it, one JSON text a line. */
interface Journal {
  readonly job: string
  /** Objects that this exchange has put are taken away again unless it came to its end. */
  readonly phase: 'filling' | 'exchanging' | 'done'
}

export interface ExchangeOptions {
  readonly log: Log
  /** Where the journal is. */
  readonly folder: string
  readonly server: ExchangedServer
}

/** Opens the exchange. */
export function newServerExchange({ log, folder, server }: ExchangeOptions): ServerExchange {
  return {
    async replace(job, backup) {
      const journal = openJournal(folder)
      await journal.note({ job, phase: 'filling' })
      const objects = new PutBeside(server.objects, journal)
      // Existing objects that the backup names must not be swept in the meantime.
      const held = await server.serving.holdDeletions()
      try {
        await restoreBackup(backup(), {
          schema: server.serving.schema,
          fill: (lastDatabase, work) => server.serving.fillNext(job, lastDatabase, work),
          fillObjects: (work) => work(objects),
        })
        await reach('restore:filled')
        await reach('restore:objects')
      } catch (error) {
        await held.release()
        await undo(server, journal, job)
        throw error
      }
      await journal.note({ job, phase: 'exchanging' })
      try {
        await server.whileClosed(async () => {
          await held.release()
          await exchange(server, job, objects, journal)
        })
      } catch (error) {
        log.error('the restored data could not be put in place', { error })
        await server.whileClosed(async () => {
          if ((await server.closed.state(job)) === 'exchanged') await server.closed.exchangeBack(job)
        })
        await undo(server, journal, job)
        throw error
      }
      await journal.note({ job, phase: 'done' })
      await finish(server, journal, job)
    },
  }
}

/** Nothing is written in the meantime, so what lies in the object store and is not in the backup belongs to the old data. */
async function exchange(server: ExchangedServer, job: string, objects: PutBeside, journal: OpenJournal): Promise<void> {
  await journal.keepList('old', await objects.others())
  await server.closed.exchange(job)
  await reach('restore:switched')
}

/**
 * Finishes or undoes an exchange that a start before this one began. Called with the database and the objects, before anything
 * is served.
 */
export async function takeUpExchange({ folder, server, log }: ExchangeOptions): Promise<void> {
  const journal = openJournal(folder)
  const found = await journal.read()
  if (found === undefined) return
  const { job, phase } = found
  const state = await server.serving.state(job)
  const done = phase === 'done' || (phase === 'exchanging' && state === 'exchanged')
  log.warning(done ? 'finishing a restore' : 'undoing a restore that was interrupted', { job })
  if (done) await finish(server, journal, job)
  else await undo(server, journal, job)
}

async function finish({ serving, objects }: ExchangedServer, journal: OpenJournal, job: string): Promise<void> {
  await deleteAll(objects, await journal.list('old'))
  await serving.drop(job)
  await journal.end()
}

async function undo({ serving, objects }: ExchangedServer, journal: OpenJournal, job: string): Promise<void> {
  await deleteAll(objects, await journal.list('put'))
  await serving.drop(job)
  await journal.end()
}

async function deleteAll(objects: ObjectStore, names: readonly string[]): Promise<void> {
  for (let at = 0; at < names.length; at += 500) await objects.delete(names.slice(at, at + 500))
}

/**
 * Objects of the backup go beside those that are there. A name is used for one content only, so that an object which is there
 * already is the same one; it is compared anyway.
 */
class PutBeside implements FilledObjects {
  readonly #wanted = new Set<string>()

  readonly #objects: ObjectStore
  readonly #journal: OpenJournal

  constructor(objects: ObjectStore, journal: OpenJournal) {
    this.#objects = objects
    this.#journal = journal
  }

  /** For a restore this place is empty. */
  async list() {
    return { objects: [], more: false }
  }

  /** What was put is taken away by the journal. */
  async delete() {}

  async put(name: string, body: AsyncIterable<Uint8Array>, options?: Parameters<ObjectStore['put']>[2]) {
    this.#wanted.add(name)
    const there = await this.#objects.stat(name)
    if (there !== undefined) {
      const hash = createHash('md5')
      let size = 0
      for await (const chunk of body) {
        hash.update(chunk)
        size += chunk.length
      }
      if (size !== there.size || hash.digest('base64') !== there.md5) {
        throw new StartupError(`The object ${name} of the backup differs from the one on this server.`)
      }
      return there
    }
    // Recorded before it exists: a record without an object does no harm.
    await this.#journal.addToList('put', name)
    return this.#objects.put(name, body, options)
  }

  /** The names of objects that are not of the backup. */
  async others(): Promise<string[]> {
    const names: string[] = []
    for (let after: string | undefined; ; ) {
      const { objects, more } = await this.#objects.list('', { after, limit: 1_000 })
      for (const { name } of objects) if (!this.#wanted.has(name)) names.push(name)
      after = objects.at(-1)?.name
      if (!more) return names
    }
  }
}

type OpenJournal = ReturnType<typeof openJournal>

function openJournal(folder: string) {
  const file = join(folder, 'restore-journal.json')
  const listFile = (name: 'put' | 'old') => join(folder, `restore-${name}.jsonl`)
  return {
    async read(): Promise<Journal | undefined> {
      return ((await readJsonIfThere(file)) ?? undefined) as Journal | undefined
    },
    note: (journal: Journal) => writeDurably(file, JSON.stringify(journal)),
    async addToList(name: 'put', item: string): Promise<void> {
      await appendFile(listFile(name), `${JSON.stringify(item)}\n`, { mode: 0o600, flush: true })
    },
    keepList: (name: 'old', items: readonly string[]) =>
      writeDurably(listFile(name), items.map((item) => `${JSON.stringify(item)}\n`).join('')),
    async list(name: 'put' | 'old'): Promise<string[]> {
      const text = await readFile(listFile(name), 'utf8').catch(() => '')
      // The last line may be cut.
      return text
        .split('\n')
        .filter((line) => line.endsWith('"'))
        .flatMap((line) => {
          try {
            return [JSON.parse(line) as string]
          } catch {
            return []
          }
        })
    },
    async end(): Promise<void> {
      await rm(file, { force: true })
      for (const name of ['put', 'old'] as const) await rm(listFile(name), { force: true })
    },
  }
}
