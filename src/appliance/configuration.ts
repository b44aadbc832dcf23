/**
 * Which parts of the appliance's API exist and what they may do: from Hearth's configuration and, over it, from the JSON
 * file that images for the API already have.
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import type { Log } from '../log.ts'
import { codeOf } from './durable-file.ts'

/** Parts of the API that exist only when they are named. */
export const optionalEndpoints = ['settings', 'certs', 'license', 'storage', 'backup', 'metrics'] as const
export type OptionalEndpoint = (typeof optionalEndpoints)[number]

const words = z.array(z.string())
const path = z.string().min(1).optional()
const seconds = z.number().int().min(1).max(86_400)

const Shape = z.object({
  endpoints: words.default([]),
  parameters: words.optional(),
  paths: z
    .object({
      state: path,
      hooks: path,
      uploads: path,
      data: path,
      proc: path,
      sys: path,
    })
    .prefault({}),
  tls: z.object({ cert: path, key: path }).prefault({}),
  'first-run': z
    .object({ 'word-length': z.number().int().min(0).max(64).default(4), enabled: z.boolean().default(true) })
    .prefault({}),
  update: z
    .object({
      recipients: words.default([]),
      signers: words.default([]),
      allow_downgrade: z.boolean().default(false),
      allow_unversioned: z.boolean().default(false),
      legacy_md5: z.boolean().default(false),
      confirm_seconds: seconds.default(300),
    })
    .prefault({}),
  license: z.object({ signers: words.default([]) }).prefault({}),
  services: words.default([]),
  logs: words.default([]),
  auth: z
    .object({ require_signed: z.boolean().default(false), redact_secrets: z.boolean().default(false) })
    .prefault({}),
  certs: z.object({ allow_expired: z.boolean().default(false) }).prefault({}),
  validation: z.object({ strict: z.boolean().default(false) }).prefault({}),
  debug: z.unknown().optional(),
  limits: z.record(z.string(), z.number().int().min(0)).default({}),
  hooks: z.object({ runner: words.default([]), timeouts: z.record(z.string(), seconds).default({}) }).prefault({}),
  log_tag: z
    .string()
    .regex(/^[^\]\r\n]{1,40}$/)
    .default('SYSTEM'),
  log_tag_backup: z
    .string()
    .regex(/^[^\]\r\n]{1,40}$/)
    .default('LIVE IMAGE'),
})

/** The configuration of the appliance. */
export type ApplianceConfig = z.infer<typeof Shape>

export interface ConfigurationSources {
  /** What Hearth's own configuration says. */
  readonly settings: object
  /** The JSON file. */
  readonly file: string | undefined
  readonly log: Log
}

/** Where images for the API have their configuration. */
export const usualFile = '/usr/local/etc/jidoteki-admin-api.json'

/**
 * Reads the configuration. A member that is not as it should be counts as not given, and a file that is not JSON as none:
 * each with a line in the log. So a mistake turns things off and never on, and the machine stays reachable.
 */
export function readConfiguration({ settings, file, log }: ConfigurationSources): ApplianceConfig {
  const accepted: Record<string, unknown> = {}
  for (const [from, source] of [
    ['configuration', settings],
    [file, fromFile(file, log)],
  ] as const) {
    for (const [name, value] of Object.entries(source)) {
      const schema = Object.hasOwn(Shape.shape, name) ? Shape.shape[name as keyof typeof Shape.shape] : undefined
      if (schema === undefined || value === undefined) continue
      if (schema.safeParse(value).success) accepted[name] = value
      else log.warning('a member of the appliance configuration is not usable and is ignored', { from, member: name })
    }
  }
  const config = Shape.parse(accepted)
  for (const name of config.endpoints) {
    if (!optionalEndpoints.some((known) => known === name)) log.warning('unknown optional endpoint', { endpoint: name })
  }
  return config
}

function fromFile(file: string | undefined, log: Log): Record<string, unknown> {
  if (file === undefined) return {}
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
    log.error('the appliance configuration is not a JSON object and is ignored', { file })
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || file !== usualFile) {
      log.error('the appliance configuration cannot be read and is ignored', { file, error })
    }
  }
  return {}
}

/** Whether the first token is set with a passphrase. */
export function firstRunWords({ 'first-run': first }: ApplianceConfig): number {
  return first.enabled ? first['word-length'] : 0
}

/** Form fields that every configuration permits. */
const builtInFields = ['newtoken', 'token', 'hash', 'update', 'settings']

/** Whether a form field is permitted: a list adds to the fields that always are, none permits all. */
export function permitsField({ parameters }: ApplianceConfig, name: string): boolean {
  return (
    parameters === undefined || parameters.length === 0 || builtInFields.includes(name) || parameters.includes(name)
  )
}
