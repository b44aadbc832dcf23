import type { AdminServices } from '../../../routes/admin/services.ts'

async function* nothing(): AsyncGenerator<never, void> {}

/** The part of the admin routes that is about files, for tests that are not. */
export const withoutFiles: Pick<AdminServices, 'fsck' | 'objects' | 'exports' | 'driveOf'> = {
  fsck: { check: nothing, fixContents: async () => ({ updated: [], removed: [] }) },
  objects: {
    list: async () => ({ objects: [], more: false }),
    get: async () => undefined,
    stat: async () => undefined,
    put: () => Promise.reject(new Error('no files here')),
    delete: async () => {},
  },
  exports: {
    order: () => Promise.reject(new Error('no exports here')),
    byId: () => Promise.reject(new Error('no exports here')),
    part() {
      throw new Error('no exports here')
    },
  },
  driveOf: () => Promise.reject(new Error('no files here')),
}
