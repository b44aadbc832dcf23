/** The thumbnails of a tenant's files: objects beside their content. */
import type { ObjectStore, OpenObject } from '../../storage/objects/contract.ts'
import type { JobQueue, Tenant } from '../jobs/service.ts'
import { thumbnailNames } from '../model/object-name.ts'
import { type ThumbnailFormat, thumbnailFormats } from './formats.ts'

export interface Thumbnails {
  /** `undefined` when there is none (yet). */
  open(prefix: string, fileId: string, format: ThumbnailFormat): Promise<OpenObject | undefined>
  has(prefix: string, fileId: string): Promise<boolean>
  put(prefix: string, fileId: string, format: ThumbnailFormat, content: Uint8Array, contentType: string): Promise<void>
  remove(prefix: string, fileId: string): Promise<void>
  /** A missing thumbnail was requested: it is made soon, at most once an hour for each file. */
  want(tenant: Tenant, fileId: string): Promise<void>
}

export interface ThumbnailsOptions {
  readonly objects: Pick<ObjectStore, 'get' | 'stat' | 'put' | 'delete'>
  readonly jobs: JobQueue
  /** True when an action with this name may be done now: its frequency is limited. */
  readonly mayTry: (name: string) => Promise<boolean>
}

export function openThumbnails({ objects, jobs, mayTry }: ThumbnailsOptions): Thumbnails {
  return {
    open: (prefix, fileId, format) => objects.get(nameOf(prefix, fileId, format)),
    has: async (prefix, fileId) => (await objects.stat(nameOf(prefix, fileId, 'tiny'))) !== undefined,
    async put(prefix, fileId, format, content, contentType) {
      await objects.put(nameOf(prefix, fileId, format), once(content), { contentType, size: content.length })
    },
    remove: (prefix, fileId) => objects.delete(thumbnailNames(prefix, fileId)),
    async want(tenant, fileId) {
      if (!(await mayTry(`thumbnail ${tenant.prefix} ${fileId}`))) return
      await jobs.push({ tenant, worker: 'thumbnail', message: { id: fileId } })
    },
  }
}

function nameOf(prefix: string, fileId: string, format: ThumbnailFormat): string {
  const at = thumbnailFormats.findIndex(({ name }) => name === format)
  return thumbnailNames(prefix, fileId)[at] ?? ''
}

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content
}
