/** Databases as a whole. */
import type { DatabaseRef } from '../../../src/model/database.ts'

export interface DatabaseInfo {
  readonly ref: DatabaseRef
  /** Changes when a database is dropped and made again, and by a restore; part of every sequence a client sees. */
  readonly epoch: string
  readonly updateSeq: bigint
  /** Documents whose winner is not deleted, design documents included. */
  readonly docCount: number
  /** Documents whose winner is a tombstone. */
  readonly deletedCount: number
  /** Bytes of the bodies of winners as stored; an estimate. */
  readonly bytes: number
  readonly revsLimit: number
}

export interface DatabaseStore {
  createDatabase(ref: DatabaseRef): Promise<'created' | 'exists'>
  databaseInfo(ref: DatabaseRef): Promise<DatabaseInfo>
  /** Names in byte order. */
  listDatabases(prefix: string): Promise<readonly string[]>
  /** Gone for readers and writers when the promise resolves; rows are swept later. */
  dropDatabase(ref: DatabaseRef): Promise<void>
  /** Drops every database of a tenant in one transaction; its objects become rubbish (see `ObjectLedger`). */
  dropPrefix(prefix: string): Promise<void>
  setRevsLimit(ref: DatabaseRef, limit: number): Promise<void>
}
