/** What image makers set for the appliance's API: which parts of it exist, and where the machine keeps what it needs. */
import { z } from 'zod'
import { structure } from './structured.ts'
import { bytes, flag, text, whole } from './values.ts'

const words = (allowed: string) => structure(allowed, z.array(text('a text')))

export const applianceStructures = {
  endpoints: words('a list of the optional endpoints settings, certs, license, storage, backup, metrics')
    .default([])
    .describe('Optional parts of the appliance API that exist'),
  parameters: words('a list of names of form fields')
    .optional()
    .describe('Form fields that are permitted beside newtoken, token, hash, update and settings. Without it: all'),
  'first-run': structure(
    'a map with word-length and enabled',
    z.strictObject({ 'word-length': whole(0, 64).default(4), enabled: flag().default(true) }),
  )
    .default({ 'word-length': 4, enabled: true })
    .describe('Whether the first token is set with a passphrase of words that is printed at the first start'),
  paths: structure(
    'a map with state, hooks, uploads, data, proc, sys',
    z.strictObject({
      state: text('a path').optional(),
      hooks: text('a path').optional(),
      uploads: text('a path').optional(),
      data: text('a path').optional(),
      proc: text('a path').optional(),
      sys: text('a path').optional(),
    }),
  )
    .default({})
    .describe('Folders of the appliance, where they differ from the defaults'),
  tls: structure(
    'a map with cert and key',
    z.strictObject({ cert: text('a path').optional(), key: text('a path').optional() }),
  )
    .default({})
    .describe('Certificate and key of the appliance listener, as files. Without them: its own'),
  update: structure(
    'a map with recipients, signers, allow_downgrade, allow_unversioned, legacy_md5, confirm_seconds',
    z.strictObject({
      recipients: words('a list of keys').default([]),
      signers: words('a list of keys').default([]),
      allow_downgrade: flag().default(false),
      allow_unversioned: flag().default(false),
      legacy_md5: flag().default(false),
      confirm_seconds: whole(1, 86_400).default(300),
    }),
  )
    .prefault({})
    .describe('Which update packages are accepted'),
  services: words('a list of service names').default([]).describe('Services that are listed'),
  logs: words('a list of file patterns').default([]).describe('Additional log files that may be downloaded'),
  debug: words('a list of collector names')
    .default([])
    .describe('What a debug bundle contains in addition to the defaults'),
  backup: structure(
    'a map with include and max_bytes',
    z.strictObject({ include: words('a list of paths').default([]), max_bytes: bytes(0, 2 ** 50).optional() }),
  )
    .prefault({})
    .describe('What a backup contains in addition to the server, and how large it may be'),
  auth: structure(
    'a map with require_signed and redact_secrets',
    z.strictObject({ require_signed: flag().default(false), redact_secrets: flag().default(false) }),
  )
    .prefault({})
    .describe('Whether only signed requests are taken, and whether settings are shown without their secrets'),
  limits: structure('a map of whole numbers', z.record(z.string(), whole(0, 2 ** 50)))
    .default({})
    .describe('Limits of the appliance API, where they differ from the defaults'),
  hooks: structure(
    'a map with runner and timeouts',
    z.strictObject({
      runner: words('a list: a program and its arguments').default([]),
      timeouts: structure('a map of seconds', z.record(z.string(), whole(1, 86_400))).default({}),
    }),
  )
    .prefault({})
    .describe('How hooks are run, and for how long each may'),
} as const
