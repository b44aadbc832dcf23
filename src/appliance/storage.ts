/** Storage options: what the machine offers, and what was chosen for the next boot. */
import { join } from 'node:path'
import type { ApplianceConfig } from './configuration.ts'
import { readIfThere, readJsonIfThere, writeDurably } from './durable-file.ts'
import type { Fields } from './fields.ts'
import type { Hooks } from './hooks.ts'
import { isObject, parseUploadedObject } from './json-upload.ts'
import { shellLines } from './network-settings.ts'
import type { Places } from './places.ts'
import { type Procedure, ProcedureFailure } from './procedures.ts'
import { refuseDoubts } from './settings.ts'
import { checkStorageSettings, doubtsAboutStorage, storageTypes } from './storage-settings.ts'

export interface Storage {
  /** What was stored last, and the kinds that this machine has; `undefined` when nothing was. */
  stored(): Promise<{ readonly storage: Fields; readonly options: readonly string[] } | undefined>
  /** Checks options and begins to store them. Returns the kind. Throws `bad_request`. */
  begin(upload: Uint8Array): Promise<string>
  readonly procedure: Procedure
}

export interface StorageOptions {
  readonly places: Places
  readonly hooks: Hooks
  readonly config: () => ApplianceConfig
  readonly procedure: Procedure
}

/** Stands for a password that is not shown; sent back, it means the one that is stored. */
const mask = '********'

/** Opens the storage options. */
export function openStorage({ places, hooks, config, procedure }: StorageOptions): Storage {
  const file = join(places.etc, 'storage.json')

  async function current(): Promise<Fields | undefined> {
    const value = await readJsonIfThere(file)
    return isObject(value) && isObject(value['storage']) ? (value['storage'] as Fields) : undefined
  }

  async function store(storage: Fields, job: string, signal: AbortSignal, dropped: readonly string[]) {
    const { log } = procedure
    await log.line(`Changing the storage options (${storage['type']})`)
    for (const name of dropped) await log.line(`Unknown option dropped: ${JSON.stringify(name)}`)
    for (const doubt of doubtsAboutStorage(storage)) await log.line(`Warning: ${doubt}`)
    const result = await hooks.run('storage-apply', {
      job,
      input: { storage },
      onLine: (line) => void log.raw(line),
      signal,
    })
    if (result?.outcome === 'failed') {
      await log.line(`Failed changing the storage options: ${result.message}`)
      throw new ProcedureFailure(result.message ?? 'The hook failed', result.code)
    }
    await writeDurably(file, `${JSON.stringify({ storage })}\n`)
    await writeDurably(join(places.etc, 'storage.conf'), shellLines(storage))
    await log.line('Storage options changed; they take effect after a reboot')
  }

  return {
    procedure,
    async stored() {
      const storage = await current()
      if (storage === undefined) return undefined
      const hidden = config().auth.redact_secrets && storage['password'] !== undefined
      return { storage: hidden ? { ...storage, password: mask } : storage, options: await offered(places) }
    },
    async begin(upload) {
      const dropped: string[] = []
      const checked = checkStorageSettings(parseUploadedObject(upload), await offered(places), dropped)
      const known = checked['password'] === mask ? (await current())?.['password'] : undefined
      const storage = known === undefined ? checked : { ...checked, password: known }
      if (config().validation.strict) refuseDoubts(doubtsAboutStorage(storage))
      await procedure.start(({ job, signal }) => store(storage, job, signal, dropped))
      // Without a hook nothing takes long: who asks next sees the new ones.
      if (!(await hooks.has('storage-apply'))) await procedure.settled()
      return storage['type'] ?? ''
    },
  }
}

/** The kinds of storage that the maker of the image allows: all without a file, only local with one that is not readable. */
async function offered({ etc, system }: Places): Promise<readonly string[]> {
  for (const folder of [etc, system]) {
    const text = await readIfThere(join(folder, 'storage-options.json')).catch(() => '')
    if (text === undefined) continue
    try {
      const value: unknown = JSON.parse(text)
      const options = isObject(value) ? value['options'] : undefined
      if (Array.isArray(options) && options.every((one) => typeof one === 'string')) return options
    } catch {
      // Falls back to what every machine has.
    }
    return ['local']
  }
  return storageTypes
}
