/**
 * Every setting, once: type, default and meaning. Loading, error messages, `config show`, the flags of `serve` and the
 * reference in the README are all made from this schema.
 */
import { z } from 'zod'
import { logFormats, logLevels } from '../log.ts'
import { applianceStructures } from './appliance.ts'
import { Authentication, Clouderies, Contexts, Office, Registries } from './contexts.ts'
import { TrustedProxies } from './proxies.ts'
import { SyncEntries, SyncRoots, SyncRules } from './sync.ts'
import { bytes, flag, oneOf, oneOfNumbers, port, seconds, text, whole } from './values.ts'
import { JobWorkers, processes, TrashAges } from './workers.ts'

const host = () => text('a host name or an IP address', /^[A-Za-z0-9._:%-]+$/)
const url = () => text('a URL that begins with http:// or https://', /^https?:\/\/[^\s/]\S*$/)
const address = () => text('a mail address', /^[^\s@<>,;:"]+@[^\s@<>,;:"]+$/)

export const Config = z.object({
  data_dir: text('a path')
    .optional()
    .describe(
      'Folder for everything that Hearth writes. Default: `/var/lib/hearth` as root, else `$XDG_DATA_HOME/hearth` or `~/.local/share/hearth`',
    ),
  database_url: text('a PostgreSQL URL such as postgres://user:password@host:5432/database', /^postgres(ql)?:\/\/\S+$/)
    .optional()
    .describe('A PostgreSQL server (15 or later) to use. Without it Hearth runs its own in the data directory'),
  objects_url: text(
    'file:///path, s3://KEY:SECRET@host[:port]/bucket[?region=] or s3+http://...',
    /^(file:\/\/\/|s3:\/\/[^\s/]|s3\+http:\/\/[^\s/])\S*$/,
  )
    .optional()
    .describe('Where the content of files is kept. Without it: a folder in the data directory'),
  allow_local_objects: flag()
    .default(false)
    .describe(
      'Keep objects in the data directory although `database_url` is set. Correct only when this is the only process on that database',
    ),
  first_run: flag()
    .default(true)
    .describe('On the first start make the instance `home.localhost:<port>` and print a token and a `curl` line'),
  host: host().default('localhost').describe('Address of the public listener. `localhost` is IPv4 and IPv6'),
  port: port().default(8080).describe('Port of the public listener: documents, tenant by `Host`'),
  workers: processes()
    .default(1)
    .describe(
      'Processes that answer the public listener; `auto` is one for each core. With more than one, another process owns the rest',
    ),
  trusted_proxies: TrustedProxies.default([]).describe(
    'Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted. Without any, the address of the connection is used',
  ),
  admin: z.object({
    host: host().default('localhost').describe('Address of the admin listener, whatever `host` says'),
    port: port().default(6060).describe('Port of the admin listener'),
    passphrase: text('at least one character')
      .optional()
      .describe('Admin passphrase. Without it one is generated at the first start, printed once and kept as scrypt'),
    secret_filename: text('a path')
      .optional()
      .describe('File with the scrypt line of the admin passphrase, made by `hearth config passwd FILE`'),
    audit_file: text('a path')
      .optional()
      .describe('File to which a line is added for every admin request that changes something'),
  }),
  sync: z.object({
    host: host().default('localhost').describe('Address of the sync listener, whatever `host` says'),
    token: text('at least 16 characters without spaces', /^[\x21-\x7e]{16,}$/)
      .optional()
      .describe('Token of the sync API. Without it one is made at the first start and kept in the data directory'),
    entries: SyncEntries.default([]).describe('Storages to synchronise, read at the first start only'),
    rules: SyncRules.default([]).describe('Which files belong on which storages, read at the first start only'),
    roots: SyncRoots.default([]).describe('Folders that may hold `local_storage` entries created through the API'),
    port: port().default(3862).describe('Port of the sync listener'),
  }),
  appliance: z.object({
    host: host().default('localhost').describe('Address of the appliance listener'),
    port: port().default(8443).describe('Port of the appliance listener (TLS, self-signed certificate)'),
    config: text('a path').optional().describe('JSON file of an appliance image with the settings of this section'),
    ...applianceStructures,
  }),
  log: z.object({
    level: oneOf(logLevels)
      .default('info')
      .describe('Least severe log lines that are written; `debug` includes every request'),
    format: oneOf(logFormats).default('auto').describe('`auto` is text on a terminal and JSON lines elsewhere'),
  }),
  database: z.object({
    max_connections: whole(2, 200)
      .default(8)
      .describe(
        'Connections to PostgreSQL that requests share. Several workers divide them, with at least 4 for each process',
      ),
  }),
  documents: z.object({
    max_size: bytes(1024, 64 * 1024 ** 2)
      .default(8_000_000)
      .describe('Largest document in bytes of JSON; larger ones are answered 413'),
    max_attachment: bytes(1024, 1024 ** 4)
      .default(1024 ** 3)
      .describe('Largest attachment of a document in bytes; larger ones are answered 413'),
  }),
  fs: z.object({
    versioning: z.object({
      max_number_of_versions_to_keep: whole(0, 1000)
        .default(20)
        .describe('Versions kept of a file, including its current content; 0 and 1 keep no old versions'),
      min_delay_between_two_versions: seconds(0)
        .default(15 * 60)
        .describe('At most one version of a file is kept in this time: content that is replaced sooner is not kept'),
    }),
    auto_clean_trashed_after: TrashAges.default({}).describe(
      'How long the trash is kept in each context; without it, for ever',
    ),
  }),
  request: z.object({
    max_size: bytes(1024, 1024 ** 3)
      .default(64 * 1024 ** 2)
      .describe('Largest request body in bytes that is read into memory; larger ones are answered 413'),
  }),
  token: z.object({
    cli_lifetime: seconds(1).default(1800).describe('How long a token for the command line is valid'),
    expired_status: oneOfNumbers([400, 401])
      .default(400)
      .describe(
        'Status for an invalid or expired token under `/data`: 400 is what existing clients know, 401 is RFC 6750',
      ),
  }),
  secrets: z.object({
    key: text('32 bytes as 64 hexadecimal digits or as base64', /^([0-9a-fA-F]{64}|[A-Za-z0-9+/_-]{43}=?)$/)
      .optional()
      .describe(
        'Key that encrypts passwords of accounts and storages in the database. Required with `database_url`; ' +
          'without it one is made in the data directory (`secrets.key`)',
      ),
  }),
  outgoing: z.object({
    allow_private: flag()
      .default(false)
      .describe('Send requests also to addresses of this machine and of private networks'),
  }),
  mail: z.object({
    host: text('a host name, an IP address, or - for no mail', /^[A-Za-z0-9._:%-]+$/)
      .optional()
      .describe('Mail server (SMTP). Without it mails are not sent; the log says so'),
    port: whole(1, 65_535).default(587).describe('Port of the mail server'),
    username: text('a text').optional().describe('User name at the mail server'),
    password: text('a text').optional().describe('Password at the mail server'),
    use_ssl: flag().default(false).describe('Speak TLS from the first byte (port 465) instead of STARTTLS'),
    disable_tls: flag().default(false).describe('Never encrypt the connection to the mail server'),
    skip_certificate_validation: flag().default(false).describe('Accept any certificate of the mail server'),
    local_name: text('a host name').optional().describe('Host name that is sent to the mail server (EHLO)'),
    noreply_address: address()
      .optional()
      .describe('Sender of mails. Without it `noreply@` and the domain of the instance'),
    noreply_name: text('a name').default('Hearth').describe('Name of the sender'),
    reply_to: address().optional().describe('Where replies to mails go'),
    alert_address: address().optional().describe('Address that receives mail about problems that need the operator'),
  }),
  move: z.object({
    url: url().optional().describe('Web application that leads people through a move between servers'),
    max_duration: seconds(2)
      .default(86_400)
      .describe('An instance that is blocked by an import or a move without progress for this long is unblocked'),
  }),
  export: z.object({
    min_part_size: bytes(1024, 1024 ** 4)
      .default(1024 ** 3)
      .describe('Smallest part of an export in bytes; smaller requests are raised to it'),
  }),
  jobs: z.object({
    concurrency: whole(0, 256)
      .default(32)
      .describe('Jobs that one process runs at the same time, within the limit of each worker; 0 turns them off'),
    keep: seconds(60)
      .default(14 * 86_400)
      .describe('How long finished jobs are kept'),
    max_exec_count: whole(1, 100).default(10).describe('Most attempts at a job that a client or a trigger may ask for'),
    max_timeout: seconds(1)
      .default(3_600)
      .describe('Longest attempt that a client or a trigger may ask for, unless the worker allows more'),
    take_over_after: seconds(2)
      .default(30)
      .describe('A job is started again by another process when its own process has been silent for this long'),
    workers: JobWorkers.default({}).describe('Limits of each worker'),
  }),
  contexts: Contexts.default({}).describe(
    'Settings of groups of instances; what a context leaves out is taken from `default`',
  ),
  registries: Registries.default({}).describe('Registries of applications of each context'),
  authentication: Authentication.default({}).describe('Identity providers of each context'),
  office: Office.default({}).describe('Office server of each context'),
  clouderies: Clouderies.default({}).describe('Account manager of each context'),
})

/** The settings as loaded. Sizes are bytes, time spans seconds. `data_dir` is always set after loading. */
export type Config = z.infer<typeof Config> & { readonly data_dir: string }

/** Settings whose value is a secret, or (URLs) holds one. They have no flag: a command line is visible to everyone. */
export const secretSettings: ReadonlySet<string> = new Set([
  'admin.passphrase',
  'database_url',
  'mail.password',
  'objects_url',
  'secrets.key',
  'sync.token',
])
