/**
 * Group commit for files: changes of one tenant that are asked for while a commit is under way share the next one, each
 * in a savepoint of its own. One connection a tenant waits at the tenant's lock, however many clients do.
 */
import { type FilesTransaction, filesDoctype, versionsDoctype } from '../../files/contract.ts'
import { isConnectionLost, type Sql, translate } from '../connection.ts'
import type { DatabaseCache } from '../database-cache.ts'
import { lockFiles, newFilesTransaction } from './transaction.ts'

const maxTogether = 64

interface Waiting {
  readonly work: (tx: FilesTransaction) => Promise<unknown>
  resolve(value: unknown): void
  reject(error: unknown): void
}

type Result = { readonly value: unknown } | { readonly error: unknown }

export class FilesTransactions {
  readonly #queues = new Map<string, Waiting[]>()
  #running = 0
  readonly #idle: (() => void)[] = []

  readonly #sql: Sql
  readonly #databases: DatabaseCache
  /** Tenants that may commit at the same time; more wait without a connection. */
  readonly #maxRunning: number
  /** Told of a tenant whose files may have changed, after the commit. */
  readonly #changed: (prefix: string) => void

  constructor(sql: Sql, databases: DatabaseCache, maxRunning: number, changed: (prefix: string) => void) {
    this.#changed = changed
    this.#sql = sql
    this.#databases = databases
    this.#maxRunning = maxRunning
  }

  change<T>(prefix: string, work: (tx: FilesTransaction) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { work, resolve: (value) => resolve(value as T), reject }
      const queue = this.#queues.get(prefix)
      if (queue) {
        queue.push(waiting)
        return
      }
      this.#queues.set(prefix, [waiting])
      void this.#serve(prefix)
    })
  }

  async #serve(prefix: string): Promise<void> {
    for (;;) {
      await this.#turn()
      const queue = this.#queues.get(prefix) ?? []
      const together = queue.splice(0, maxTogether)
      try {
        await this.#commit(prefix, together)
      } finally {
        this.#running -= 1
        this.#idle.shift()?.()
        this.#changed(prefix)
      }
      if (queue.length > 0) continue
      this.#queues.delete(prefix)
      return
    }
  }

  async #turn(): Promise<void> {
    while (this.#running >= this.#maxRunning) await new Promise<void>((resolve) => this.#idle.push(resolve))
    this.#running += 1
  }

  async #commit(prefix: string, together: readonly Waiting[]): Promise<void> {
    let results: readonly Result[]
    try {
      results = await this.#run(prefix, together)
    } catch (error) {
      // The databases that this transaction made do not exist any more.
      for (const name of [filesDoctype, versionsDoctype]) this.#databases.forget({ prefix, name })
      const [only] = together
      if (together.length === 1) only?.reject(translate(error))
      // Whether a lost commit went through is not known, and repeating it would be wrong where it did.
      else if (isConnectionLost(error)) for (const { reject } of together) reject(translate(error))
      else for (const waiting of together) await this.#commit(prefix, [waiting])
      return
    }
    for (const [at, { resolve, reject }] of together.entries()) {
      const result = results[at]
      if (result && 'value' in result) resolve(result.value)
      else reject(translate(result?.error))
    }
  }

  #run(prefix: string, together: readonly Waiting[]): Promise<readonly Result[]> {
    const [only] = together
    return this.#sql.begin(async (tx) => {
      const locked = await lockFiles(tx, this.#databases, prefix)
      if (only && together.length === 1) {
        return [{ value: await only.work(newFilesTransaction(tx, this.#databases, locked)) }]
      }
      const results: Result[] = []
      for (const { work } of together) {
        try {
          // Whoever comes first to new databases makes what they begin with.
          const isNew = locked.isNew && !results.some((result) => 'value' in result)
          const value = await tx.savepoint((point) =>
            work(newFilesTransaction(point, this.#databases, { ...locked, isNew })),
          )
          results.push({ value })
        } catch (error) {
          if (isConnectionLost(error)) throw error
          results.push({ error })
        }
      }
      return results
    }) as Promise<readonly Result[]>
  }
}
