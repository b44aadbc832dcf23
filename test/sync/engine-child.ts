/**
 * A process of its own that leads the synchronisation of some folders: `DATABASE FOLDER...`, the entries are A, B, C.
 * Says `ready` when it leads.
 */
import type { Log } from '../../src/log.ts'
import { newSecrets } from '../../src/secrets/secrets.ts'
import { localStorage } from '../../src/sync/drivers/local/local-storage.ts'
import { newSeal } from '../../src/sync/seal.ts'
import { openSync } from '../../src/sync/sync.ts'
import { openPostgresSync } from '../../storage/postgres/sync/store.ts'
import { quickTiming } from './world.ts'

const [target = '', ...roots] = process.argv.slice(2)
const say = (text: string, given: unknown) => console.error(text, given)
const log = { debug: () => {}, info: () => {}, warning: say, error: say } as unknown as Log
const names = roots.map((_, at) => 'ABC'.charAt(at))
const silenceMs = Number(process.env['TEST_SILENCE_MS'] ?? 15_000)
const sync = openSync({
  store: openPostgresSync({ target, timing: { beatMs: 200, silenceMs } }),
  log,
  kinds: [localStorage],
  seal: newSeal(newSecrets(new Uint8Array(32))),
  machine: 'here',
  roots: [],
  ownFolders: [],
  entries: roots.map((root, at) => ({ name: names[at] ?? '', driver: 'local_storage', options: { root } })),
  rules: [{ match: { path: '/' }, sync: names }],
  timing: quickTiming,
})
await sync.begun
console.log('ready')
