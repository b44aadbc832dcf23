/**
 * Puts the configuration together: defaults, then the file, then the environment, then flags. Every value remembers where
 * it came from, so that a mistake is reported with its place.
 */
import { dirname, join, resolve } from 'node:path'
import { parseConfigFile } from './file.ts'
import { type Setting, settingNamed, settings, variableOf } from './leaves.ts'
import { explainStructure } from './mistakes.ts'
import type { Config } from './settings.ts'
import { didYouMean } from './suggest.ts'

export interface ConfigSources {
  /** Values of flags by setting name. */
  readonly flags: Readonly<Record<string, unknown>>
  /** `--config`. */
  readonly configFile?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  readonly isRoot: boolean
  readonly home: string
  /** The file's text; `undefined` when there is none. Throws when it cannot be read. */
  readonly readFile: (path: string) => string | undefined
}

export interface SettingValue {
  readonly setting: Setting
  readonly value: unknown
  /** `default`, `hearth.yaml:3`, `HEARTH_PORT` or `--port`. */
  readonly origin: string
}

export interface LoadedConfig {
  readonly config: Config
  readonly values: readonly SettingValue[]
  /** Warnings: odd but not wrong, in whole lines. */
  readonly warnings: readonly string[]
}

/** The configuration is wrong. `problems` are whole lines for people; secrets are not in them. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

interface Given {
  readonly value: unknown
  readonly origin: string
  /** The origin of a member inside the value. */
  readonly originAt?: (path: readonly PropertyKey[]) => string
}

/** Loads and validates; throws a ConfigError that lists everything that is wrong, not only the first thing. */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const problems: string[] = []
  const warnings: string[] = []
  const inputs = new Map<string, Given>()
  const named = sources.configFile ?? nonEmpty(sources.env['HEARTH_CONFIG'])
  const environment = fromEnvironment(sources, problems, warnings)
  const flags = fromFlags(sources)
  const startDir = flags.get('data_dir') ?? environment.get('data_dir') ?? defaultDataDir(sources)
  const path = named ?? join(String(startDir.value), 'hearth.yaml')

  for (const [name, value] of fromFile(path, named !== undefined, sources, problems)) inputs.set(name, value)
  for (const [name, value] of environment) inputs.set(name, value)
  for (const [name, value] of flags) inputs.set(name, value)
  if (!inputs.has('data_dir')) inputs.set('data_dir', startDir)

  const values = settings.map((setting) => checkSetting(setting, inputs.get(setting.name), dirname(path), problems))
  if (problems.length === 0) problems.push(...crossChecks(values))
  if (problems.length > 0) throw new ConfigError(problems)
  return { config: nest(values), values, warnings }
}

function fromFlags({ flags }: ConfigSources): Map<string, Given> {
  return new Map(
    Object.entries(flags).map(([name, value]) => [name, { value, origin: settingNamed(name)?.flag ?? `--${name}` }]),
  )
}

/** Variables that are not settings. `HEARTH_ADMIN_URL` is for the commands that talk to a running server. */
const otherVariables = ['HEARTH_CONFIG', 'HEARTH_ADMIN_URL']

/** What Docker and Kubernetes put into `NAME_PORT` for a service called `NAME`. */
const serviceLink = /^(tcp|udp|sctp):\/\//i

function fromEnvironment({ env, readFile }: ConfigSources, problems: string[], warnings: string[]): Map<string, Given> {
  const found = new Map<string, Given>()
  const known = new Set(otherVariables)
  for (const setting of settings) {
    if (setting.variable === undefined) continue
    known.add(setting.variable)
    const value = nonEmpty(env[setting.variable])
    if (value !== undefined && serviceLink.test(value)) problems.push(linkProblem(setting.variable, value))
    else if (value !== undefined) found.set(setting.name, { value, origin: setting.variable })
    if (!setting.secret) continue
    const variable = `${setting.variable}_FILE`
    known.add(variable)
    const path = nonEmpty(env[variable])
    if (path === undefined || value !== undefined) continue
    const text = attempt(() => readFile(path), `${variable}: cannot read ${path}`, problems)
    if (text === undefined) problems.push(`${variable}: there is no file ${path}`)
    else found.set(setting.name, { value: text.trim(), origin: variable })
  }
  for (const variable of Object.keys(env)) {
    if (!variable.startsWith('HEARTH_') || variable.startsWith('HEARTH_TEST_') || known.has(variable)) continue
    const fileOnly = settings.find(({ name, variable: own }) => own === undefined && variableOf(name) === variable)
    if (fileOnly) warnings.push(`${variable} is ignored: ${fileOnly.name} can only be set in the configuration file`)
    else warnings.push(`${variable} is ignored: unknown variable${didYouMean(variable, known)}`)
  }
  return found
}

function linkProblem(variable: string, value: string): string {
  return (
    `${variable}: ${JSON.stringify(value)} has the form of a link that Docker or Kubernetes set for a service of this name; ` +
    'turn these off (enableServiceLinks: false) or call the service something else'
  )
}

function fromFile(
  path: string,
  required: boolean,
  { readFile }: ConfigSources,
  problems: string[],
): Map<string, Given> {
  const found = new Map<string, Given>()
  const text = attempt(() => readFile(path), `cannot read the configuration file ${path}`, problems)
  if (text === undefined) {
    if (required && problems.length === 0) problems.push(`there is no configuration file ${path}`)
    return found
  }
  const parsed = parseConfigFile(text, path)
  problems.push(...parsed.problems)
  for (const { name, value, line, lineAt } of parsed.values) {
    if (name === 'data_dir' && !required) {
      problems.push(`${path}:${line}: data_dir cannot be set here, since this file was found through it`)
    } else found.set(name, { value, origin: `${path}:${line}`, originAt: (member) => `${path}:${lineAt(member)}` })
  }
  return found
}

/** `/var/lib/hearth` as root, else below the user's home. */
function defaultDataDir({ env, isRoot, home }: ConfigSources): Given {
  if (isRoot) return { value: '/var/lib/hearth', origin: 'default' }
  const base = nonEmpty(env['XDG_DATA_HOME']) ?? join(home, '.local', 'share')
  return { value: join(base, 'hearth'), origin: 'default' }
}

function checkSetting(setting: Setting, input: Given | undefined, folder: string, problems: string[]): SettingValue {
  if (input === undefined) return { setting, value: setting.defaultValue, origin: 'default' }
  const parsed = setting.schema.safeParse(input.value)
  if (parsed.success) return { setting, value: withWholePaths(setting.name, parsed.data, folder), origin: input.origin }
  if (setting.variable === undefined) {
    const originAt = input.originAt ?? (() => input.origin)
    problems.push(...explainStructure(setting, input.value, parsed.error.issues, originAt))
  } else {
    const shown = setting.secret ? '[hidden]' : JSON.stringify(input.value)
    problems.push(`${setting.name}: ${shown} (${input.origin}) is not allowed; allowed: ${setting.allowed}`)
  }
  return { setting, value: undefined, origin: input.origin }
}

/** Relative folders of storages count from the configuration file's. */
function withWholePaths(name: string, value: unknown, folder: string): unknown {
  if (name === 'data_dir') return resolve(String(value))
  if (name === 'sync.roots') return (value as readonly string[]).map((root) => resolve(folder, root))
  if (name !== 'sync.entries') return value
  return (value as Config['sync']['entries']).map((entry) => {
    const { root } = entry.options
    const isFolder = entry.driver === 'local_storage' && typeof root === 'string'
    return isFolder ? { ...entry, options: { ...entry.options, root: resolve(folder, root) } } : entry
  })
}

/** Settings that exclude or need each other. */
function crossChecks(values: readonly SettingValue[]): string[] {
  const value = (name: string) => values.find(({ setting }) => setting.name === name)?.value
  const problems: string[] = []
  if (
    value('database_url') !== undefined &&
    value('objects_url') === undefined &&
    value('allow_local_objects') === false
  ) {
    problems.push(
      'objects_url: required when database_url is set, since another process on that database would not see a local folder' +
        '; set HEARTH_OBJECTS_URL, or --allow-local-objects when there is only this process',
    )
  }
  if (value('database_url') !== undefined && value('secrets.key') === undefined) {
    problems.push(
      'secrets.key: required when database_url is set, since every process on that database needs the same key; ' +
        'set HEARTH_SECRETS_KEY (or HEARTH_SECRETS_KEY_FILE) to 32 random bytes: openssl rand -hex 32',
    )
  }
  const ports = ['port', 'admin.port', 'sync.port', 'appliance.port']
  for (const [index, name] of ports.entries()) {
    const twin = ports.slice(0, index).find((other) => value(other) === value(name))
    if (twin !== undefined && typeof value(name) === 'number' && value(name) !== 0) {
      problems.push(`${name}: ${value(name)} is also the value of ${twin}; every listener needs its own port`)
    }
  }
  return problems
}

/** The values in the form of the schema. Each was validated when it was read. */
function nest(values: readonly SettingValue[]): Config {
  const root: Record<string, unknown> = {}
  for (const { setting, value } of values) {
    const sections = setting.name.split('.')
    const last = sections.pop() ?? ''
    let place = root
    for (const section of sections) {
      place[section] ??= {}
      place = place[section] as Record<string, unknown>
    }
    place[last] = value
  }
  return root as Config
}

function attempt<T>(action: () => T, message: string, problems: string[]): T | undefined {
  try {
    return action()
  } catch (error) {
    problems.push(`${message}: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  }
}

/** An empty variable counts as not set, as in compose files. */
function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}
