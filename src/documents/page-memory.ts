/** How many documents with bodies are read first: with many small requests, the first page is the only one. */

import type { DatabaseRef } from '../../storage/documents/contract.ts'
import { databaseKey } from '../model/database.ts'
import { Recent } from '../model/recent.ts'
import { firstPage, nextPage } from './page-size.ts'

/** Most documents of a first page: their size is a guess, and one document may be as large as the rules allow. */
const maxFirstPage = 128
const maxKnown = 1_000

/** Remembers the size of documents for the databases that were used last. */
export class PageMemory {
  readonly #sizes = new Recent<number>(maxKnown)

  /** Documents of the first page. */
  first(ref: DatabaseRef): number {
    return Math.min(this.#sizes.get(databaseKey(ref)) ?? firstPage, maxFirstPage)
  }

  /** Documents of the next page, from those of the last one. */
  next(ref: DatabaseRef, documents: readonly { readonly text: string }[]): number {
    const key = databaseKey(ref)
    if (documents.length === 0) return this.#sizes.get(key) ?? firstPage
    const size = nextPage(documents)
    this.#sizes.set(key, size)
    return size
  }
}
