import type { Documents } from '../../src/documents/service.ts'
import type { Drive, Files } from '../../src/files/service.ts'
import type { Instance, Instances } from '../../src/instances/service.ts'
import type { Log } from '../../src/log.ts'
import type { Thumbnails } from '../../src/thumbnails/thumbnails.ts'
import type { SecretStore } from '../../storage/files/contract.ts'

/** What the file routes need; each module asks for its part. */
export interface FilesServices {
  readonly files: Files
  readonly documents: Documents
  readonly instances: Instances
  /** Links and metadata of future uploads are kept here for ten minutes. */
  readonly secrets: Pick<SecretStore, 'put' | 'get'>
  /** The files of an instance for the bearer of a token that was verified before; without one, for nobody in particular. */
  readonly driveOf: (instance: Instance, token: string | undefined) => Drive | Promise<Drive>
  readonly thumbnails: Pick<Thumbnails, 'open' | 'want'>
  readonly log: Log
  /** Status of an invalid or expired token. */
  readonly expiredStatus: 400 | 401
  /** Bytes of a JSON body. Contents of files have no limit here. */
  readonly maxJsonBytes: number
}

/** How long the secrets of links and of metadata live. Milliseconds. */
export const secretLifetime = 600_000
