/**
 * Every setting, once: type, default and meaning. Loading, error messages, `config show`, the flags of `serve` and the
 * reference in the README are all made from this schema.
 */
import { z } from 'zod'
import { logFormats, logLevels } from '../log.ts'
import { bytes, flag, oneOf, oneOfNumbers, port, seconds, text, whole } from './values.ts'

const host = () => text('a host name or an IP address', /^[A-Za-z0-9._:%-]+$/)

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
      'Keep objects in the data directory although `database_url` is set. Only right when this is the only process on that database',
    ),
  first_run: flag()
    .default(true)
    .describe('On the first start make the instance `home.localhost:<port>` and print a token and a `curl` line'),
  host: host()
    .default('localhost')
    .describe('Address of the public and the sync listener. `localhost` is IPv4 and IPv6'),
  port: port().default(8080).describe('Port of the public listener: documents, tenant by `Host`'),
  admin: z.object({
    host: host().default('localhost').describe('Address of the admin listener, whatever `host` says'),
    port: port().default(6060).describe('Port of the admin listener'),
    passphrase: text('at least one character')
      .optional()
      .describe('Admin passphrase. Without it one is generated at the first start, printed once and kept as scrypt'),
    secret_filename: text('a path')
      .optional()
      .describe('File with the scrypt line of the admin passphrase, made by `hearth config passwd FILE`'),
  }),
  sync: z.object({
    port: port().default(3862).describe('Port of the sync listener'),
  }),
  appliance: z.object({
    host: host().default('localhost').describe('Address of the appliance listener'),
    port: port().default(8443).describe('Port of the appliance listener (TLS, self-signed certificate)'),
  }),
  log: z.object({
    level: oneOf(logLevels)
      .default('info')
      .describe('Least important lines that are written; `debug` has every request'),
    format: oneOf(logFormats).default('auto').describe('`auto` is text on a terminal and JSON lines elsewhere'),
  }),
  database: z.object({
    max_connections: whole(2, 200).default(8).describe('Connections of this process to PostgreSQL'),
  }),
  documents: z.object({
    max_size: bytes(1024, 64 * 1024 ** 2)
      .default(8_000_000)
      .describe('Largest document in bytes of JSON; larger ones are answered 413'),
    max_attachment: bytes(1024, 1024 ** 4)
      .default(1024 ** 3)
      .describe('Largest attachment of a document in bytes; larger ones are answered 413'),
  }),
  files: z.object({
    versions_max: whole(0, 1000)
      .default(20)
      .describe('Contents that are kept of a file, the current one included; 0 keeps no former ones'),
    versions_min_delay: seconds(0)
      .default(15 * 60)
      .describe('A content that is replaced sooner than this after the last version was kept is not kept'),
  }),
  jobs: z.object({
    take_over_after: seconds(2)
      .default(30)
      .describe('A job is begun again by another process when its own gave no sign of life for this long'),
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
})

/** The settings as loaded. Sizes are bytes, time spans seconds. `data_dir` is always set after loading. */
export type Config = z.infer<typeof Config> & { readonly data_dir: string }

/** Settings whose value is a secret, or (URLs) holds one. They have no flag: a command line is visible to everyone. */
export const secretSettings: ReadonlySet<string> = new Set(['admin.passphrase', 'database_url', 'objects_url'])
