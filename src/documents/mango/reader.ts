import type { IdRange, IndexRow, IndexScan, StoredDocument } from '../../../storage/documents/contract.ts'

/** What a query needs of a database. The caller knows the database and the epoch of its indexes. */
export interface FindReader {
  scanIndex(scan: Omit<IndexScan, 'epoch'>): Promise<readonly IndexRow[]>
  scanIds(range: IdRange): Promise<readonly StoredDocument[]>
  /** Revisions of the other live leaves of a document, in winner order. */
  conflicts(id: string): Promise<readonly string[]>
}
