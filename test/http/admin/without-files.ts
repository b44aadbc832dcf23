import type { AdminServices } from '../../../routes/admin/services.ts'

async function* nothing(): AsyncGenerator<never, void> {}
const absent = (): Promise<never> => Promise.reject(new Error('not in this test'))

/** What the admin routes need beside instances, for tests that are about nothing else. */
export const withoutFiles: Omit<AdminServices, 'adminAuth' | 'instances' | 'metrics' | 'log' | 'store'> = {
  auth: {
    codes: { issue: absent, read: absent, spend: absent },
    sessions: { open: absent, find: absent, close: absent, closeAll: absent },
    limits: { count: async () => {}, check: async () => {}, undo: async () => {} },
    clients: {
      register: absent,
      find: absent,
      findBySoftware: absent,
      authenticate: absent,
      isRegistrationToken: () => false,
      replace: absent,
      remove: absent,
      removeAll: absent,
      useRefresh: absent,
      accept: absent,
    },
  },
  apps: { install: absent },
  announced: {
    isClosing: true,
    accept() {
      throw new Error('not in this test')
    },
  },
  audit: { record() {} },
  clientOf: () => ({ address: '127.0.0.1', isSecure: false }),
  notifications: { create: absent },
  accountManager: { tell: async () => {} },
  contexts: { contexts: {}, registries: {}, office: {}, clouderies: {}, authentication: {} },
  debugging: { until: absent, begin: absent, end: absent },
  identityProvider: { delegate: absent },
  maintenance: { list: absent, set: absent, remove: absent },
  sharedFlags: { defaults: absent, changeDefaults: absent, ofContext: absent, changeContext: absent },
  lastActivity: absent,
  instancesWithApp: absent,
  files: { usage: absent },
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
    parts: () => [],
    list: absent,
  },
  imports: { order: () => Promise.reject(new Error('no imports here')), jobOf: absent },
  uploads: { begin: absent, missing: absent, lengthOf: absent, receive: absent, open: absent, drop: absent },
  jobs: { find: absent },
  driveOf: () => Promise.reject(new Error('no files here')),
}
