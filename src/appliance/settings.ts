/** Network and application settings: checked, applied by a hook, and only then the ones that count. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Problem } from '../model/errors.ts'
import type { ApplianceConfig } from './configuration.ts'
import { readJsonIfThere, writeDurably } from './durable-file.ts'
import type { Hooks } from './hooks.ts'
import { isObject, parseUploadedObject } from './json-upload.ts'
import {
  checkNetworkSettings,
  doubtsAbout,
  type NetworkSettings,
  networkConf,
  networkMode,
} from './network-settings.ts'
import type { Places } from './places.ts'
import { type Procedure, ProcedureFailure } from './procedures.ts'

export interface Settings {
  /** The settings that were applied last; `undefined` when there are none. */
  applied(): Promise<NetworkSettings | undefined>
  /** Checks settings and begins to apply them. Returns how addresses are found. Throws `bad_request`. */
  begin(upload: Uint8Array): Promise<'static' | 'dhcp'>
  readonly procedure: Procedure
}

export interface SettingsOptions {
  readonly places: Places
  readonly hooks: Hooks
  readonly config: () => ApplianceConfig
  readonly procedure: Procedure
}

/** Opens the settings. Both parts are kept in one file, so that one is never newer than the other. */
export function openSettings({ places, hooks, config, procedure }: SettingsOptions): Settings {
  const file = join(places.etc, 'settings.json')

  async function applied(): Promise<NetworkSettings | undefined> {
    const value = await readJsonIfThere(file)
    if (isObject(value) && isObject(value['network'])) return value as unknown as NetworkSettings
    return inherited(places)
  }

  async function apply(settings: NetworkSettings, job: string, signal: AbortSignal, dropped: readonly string[]) {
    const { log } = procedure
    const mode = networkMode(settings.network)
    await log.line(`Changing the settings (${mode})`)
    for (const name of dropped) await log.line(`Unknown option dropped: ${JSON.stringify(name)}`)
    for (const doubt of doubtsAbout(settings.network)) await log.line(`Warning: ${doubt}`)
    const result = await hooks.run('settings-apply', {
      job,
      input: { mode, ...settings },
      onLine: (line) => void log.raw(line),
      signal,
    })
    if (result?.outcome === 'failed') {
      await log.line(`Failed changing the settings: ${result.message}`)
      throw new ProcedureFailure(result.message ?? 'The hook failed', result.code)
    }
    await writeDurably(file, `${JSON.stringify(settings)}\n`)
    await writeDurably(join(places.etc, 'network.conf'), networkConf(settings.network))
    await log.line(
      result === undefined ? 'Settings stored; there is no hook to apply them' : 'Settings changed successfully',
    )
  }

  return {
    procedure,
    applied,
    async begin(upload) {
      const dropped: string[] = []
      const settings = checkNetworkSettings(parseUploadedObject(upload), dropped)
      if (config().validation.strict) refuseDoubts(doubtsAbout(settings.network))
      await procedure.start(({ job, signal }) => apply(settings, job, signal, dropped))
      // Without a hook nothing takes long: who asks next sees the new ones.
      if (!(await hooks.has('settings-apply'))) await procedure.settled()
      return networkMode(settings.network)
    },
  }
}

/** Turns doubts into a refusal where the configuration is strict. */
export function refuseDoubts(doubts: readonly string[]): void {
  if (doubts.length > 0) throw new Problem('bad_request', `Invalid option: ${doubts.join('; ')}`)
}

/** What an older appliance left in two files. */
function inherited({ etc }: Places): NetworkSettings | undefined {
  const read = (name: string): unknown => {
    try {
      return JSON.parse(readFileSync(join(etc, name), 'utf8'))
    } catch {
      return undefined
    }
  }
  const [network, app] = [read('network.json'), read('app.json')]
  return isObject(network) && isObject(app) ? ({ network, app } as unknown as NetworkSettings) : undefined
}
