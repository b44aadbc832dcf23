/** The store of files on PostgreSQL: composes the parts of this folder into the contract. */
import { type FileStore, filesDoctype, versionsDoctype } from '../../files/contract.ts'
import { reading, type Sql } from '../connection.ts'
import type { DatabaseCache } from '../database-cache.ts'
import type { Notifications } from '../notifications.ts'
import { newObjectLedger } from './ledger.ts'
import { newFilesReader, sourceOf } from './reader.ts'
import { newSecretStore } from './secrets.ts'
import { FilesTransactions } from './transactions.ts'

export interface PostgresFilesOptions {
  readonly sql: Sql
  readonly databases: DatabaseCache
  readonly notifications: Pick<Notifications, 'changed'>
  readonly maxConnections: number
}

export function newPostgresFiles({ sql, databases, notifications, maxConnections }: PostgresFilesOptions): FileStore {
  const changes = new FilesTransactions(sql, databases, Math.max(1, Math.floor(maxConnections / 2)), (prefix) => {
    notifications.changed({ prefix, name: filesDoctype })
    notifications.changed({ prefix, name: versionsDoctype })
  })
  return {
    tree: (prefix) => newFilesReader(sourceOf(sql, prefix, reading)),
    exists: (prefix) =>
      reading(async () => {
        const ref = { prefix, name: filesDoctype }
        return (databases.peek(ref) ?? (await databases.load(ref))) !== undefined
      }),
    change: (prefix, work) => changes.change(prefix, work),
    ledger: newObjectLedger(sql),
    secrets: newSecretStore(sql),
  }
}
