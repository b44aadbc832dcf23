import type { Documents } from '../../src/documents/service.ts'
import type { Actor } from '../../src/instances/actor.ts'
import type { Instances } from '../../src/instances/service.ts'
import type { Log } from '../../src/log.ts'
import type { Secrets } from '../../src/secrets/secrets.ts'

/** Sizes in bytes. */
export interface DataLimits {
  /** One document's JSON. */
  readonly maxDocumentBytes: number
  /** One request's body. */
  readonly maxRequestBytes: number
}

export const defaultLimits: DataLimits = { maxDocumentBytes: 8_000_000, maxRequestBytes: 64 * 1024 * 1024 }

/** What the data routes need; each module asks for its part. */
export interface DataServices {
  readonly documents: Documents
  readonly instances: Instances
  /** Opens accounts for those who may read them in plain text. */
  readonly secrets: Pick<Secrets, 'open'>
  /** Who acts with a token, to be recorded in accounts. */
  readonly actorOf: (prefix: string, token: string) => Promise<Actor>
  readonly log: Log
  readonly limits: DataLimits
  /** Status of an invalid or expired token. */
  readonly expiredStatus: 400 | 401
}
