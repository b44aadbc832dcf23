/** The service of checks: puts its parts together. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import type { FileStore } from '../../storage/files/contract.ts'
import type { ObjectStore } from '../../storage/objects/contract.ts'
import type { Files } from '../files/service.ts'
import { forgetBadContents, keptBadContents } from './bad-contents.ts'
import { checkContents } from './content-check.ts'
import { fixContents } from './content-fixer.ts'
import { checkedDocuments } from './documents.ts'
import type { Finding } from './finding.ts'
import { checkIndex } from './index-check.ts'
import { checkObjects } from './object-check.ts'
import type { CheckOptions, Fsck } from './service.ts'

export interface FsckOptions {
  readonly store: DocumentStore
  readonly fileStore: FileStore
  readonly objects: ObjectStore
  readonly files: Pick<Files, 'destroy'>
  /** Unix time in milliseconds. */
  readonly now?: () => number
}

/** Makes the service. It holds nothing; nothing needs closing. */
export function openFsck({ store, fileStore, objects, files, now = Date.now }: FsckOptions): Fsck {
  async function* findings(prefix: string, options: CheckOptions): AsyncGenerator<Finding, void> {
    const { index, storage, hash = false, signal = new AbortController().signal } = options
    const documents = checkedDocuments(store, prefix, signal)
    if (index) yield* checkIndex(documents)
    if (!storage) return
    yield* checkContents({ documents, objects, prefix, hash, signal })
    yield* checkObjects({ documents, objects, prefix, ledger: fileStore.ledger, signal })
  }

  async function* check(prefix: string, options: CheckOptions): AsyncGenerator<Finding, void> {
    for await (const finding of findings(prefix, options)) {
      yield finding
      if (options.failFast) return
    }
  }

  return {
    check,
    fixContents: async (drive, options) => {
      const fixed = await fixContents({ store, fileStore, objects, files, now }, drive, options)
      if (!options.dryRun) await forgetBadContents(store, drive.prefix)
      return fixed
    },
    badContents: (prefix, options) => keptBadContents({ store, objects, now }, prefix, options),
  }
}
