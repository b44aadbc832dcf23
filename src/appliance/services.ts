/** Which services of the machine run: as a hook says, as systemd says, or as the list of processes says. */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ApplianceConfig } from './configuration.ts'
import { runContained } from './contained-process.ts'
import { readIfThere } from './durable-file.ts'
import type { Hooks } from './hooks.ts'
import { isObject } from './json-upload.ts'
import type { Places } from './places.ts'

export type ServiceState = 'running' | 'not running'

export interface Services {
  /** Names and states, this program first; cached for a few seconds. */
  states(): Promise<ReadonlyMap<string, ServiceState>>
}

export interface ServicesOptions {
  readonly places: Places
  readonly config: () => ApplianceConfig
  readonly hooks: Hooks
  /** The proc file system. */
  readonly proc: string
  /** Where systemd says that it runs this machine. */
  readonly systemd?: string
  readonly systemctl?: string
}

/** The name under which existing clients know this program. */
const ownName = 'jidoteki-admin-api'
const cacheMs = 5_000
const probeMs = 3_000
/** The kernel cuts the name of a process there. */
const maxComm = 15

/** Opens the list of services. */
export function openServices(options: ServicesOptions): Services {
  let cached: { at: number; states: Promise<ReadonlyMap<string, ServiceState>> } | undefined
  return {
    states() {
      if (cached === undefined || Date.now() - cached.at > cacheMs) cached = { at: Date.now(), states: probe(options) }
      return cached.states
    },
  }
}

async function probe(options: ServicesOptions): Promise<ReadonlyMap<string, ServiceState>> {
  const names = await configured(options)
  const found = (await byHook(options)) ?? (await bySystemd(options, names)) ?? (await byProcess(options.proc, names))
  return new Map<string, ServiceState>([[ownName, 'running'], ...[...found].filter(([name]) => name !== ownName)])
}

async function configured({ config, places }: ServicesOptions): Promise<string[]> {
  const configured = config().services
  const text = configured.length > 0 ? configured.join(' ') : await readIfThere(join(places.etc, 'allservices.txt'))
  const all = text ?? (await readIfThere(join(places.system, 'allservices.txt'))) ?? ''
  return [...new Set(all.split(/\s+/))].filter((name) => /^[A-Za-z0-9@._][A-Za-z0-9@._-]{0,63}$/.test(name))
}

async function byHook({ hooks }: ServicesOptions): Promise<Map<string, ServiceState> | undefined> {
  const said = await hooks.run('services', { input: {} })
  if (said?.outcome !== 'ok' || !isObject(said.result)) return undefined
  return new Map(
    Object.entries(said.result).map(([name, state]) => [name, state === 'running' ? 'running' : 'not running']),
  )
}

async function bySystemd(
  { systemd = '/run/systemd/system', systemctl = '/usr/bin/systemctl' }: ServicesOptions,
  names: readonly string[],
): Promise<Map<string, ServiceState> | undefined> {
  if (names.length === 0 || !existsSync(systemd) || !existsSync(systemctl)) return undefined
  const states = new Map<string, ServiceState>(names.map((name) => [name, 'not running']))
  const values: string[] = []
  await runContained({
    program: systemctl,
    args: ['show', '-p', 'ActiveState', '--value', '--', ...names.map((name) => `${name}.service`)],
    env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', SYSTEMD_COLORS: '0' },
    cwd: '/',
    input: '',
    timeoutMs: probeMs,
    graceMs: 500,
    maxOutputBytes: 65_536,
    onLine: (line, from) => {
      if (from === 'out' && line !== '') values.push(line)
    },
  })
  if (values.length !== names.length) return undefined
  for (const [at, name] of names.entries()) if (values[at] === 'active') states.set(name, 'running')
  return states
}

async function byProcess(proc: string, names: readonly string[]): Promise<Map<string, ServiceState>> {
  const running = new Set<string>()
  const pids = names.length === 0 ? [] : await readdir(proc).catch(() => [])
  for (const pid of pids) {
    if (!/^\d+$/.test(pid)) continue
    const comm = await readFile(join(proc, pid, 'comm'), 'utf8').catch(() => '')
    running.add(comm.trimEnd())
  }
  return new Map(
    names.map((name) => [
      name,
      [name, aliases[name] ?? name].some((one) => running.has(one.slice(0, maxComm))) ? 'running' : 'not running',
    ]),
  )
}

/** Services whose process has another name. */
const aliases: Readonly<Record<string, string>> = { openssh: 'sshd', ssh: 'sshd' }
