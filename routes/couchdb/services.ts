import type { Documents } from '../../src/documents/service.ts'
import type { Instances } from '../../src/instances/service.ts'
import type { Log } from '../../src/log.ts'
import type { DocumentStore } from '../../storage/documents/contract.ts'

/** What the CouchDB face is made of; each module asks for its part. */
export interface CouchdbServices {
  readonly documents: Documents
  readonly instances: Instances
  readonly store: Pick<DocumentStore, 'setRevsLimit' | 'ping'>
  readonly log: Log
  /** Names this server to replicators; the same after a restart. 32 hex digits. */
  readonly uuid: string
  readonly limits: {
    /** One document's JSON, in bytes. */
    readonly maxDocumentBytes: number
    /** One request's body, in bytes. */
    readonly maxRequestBytes: number
  }
}
