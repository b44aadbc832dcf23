/** What a run of the benchmark was asked to do, by its arguments and the environment. */

export interface Options {
  /** The parts to run. */
  readonly parts: ReadonlySet<string>
  /** Seconds of one turn of one side, a whole number. */
  readonly turnSeconds: number
  /** Turns of each side in one comparison. */
  readonly turns: number
  /** Documents of the database that is queried. */
  readonly queried: number
  /** Processes of Hearth that serve. */
  readonly workers: number
  /** A CouchDB on this machine to measure beside, `http://user:password@127.0.0.1:port`. Databases `hearth_bench_...` are made and removed in it. */
  readonly couchdb: URL | undefined
  /** Another binary of Hearth to measure beside, for instance that of an older commit. */
  readonly before: string | undefined
}

/** Parts that take minutes or say little beside the others run only by name. */
const always = ['get', 'post', 'bulk', 'find', 'all_docs', 'small-files', 'start']
const byName = ['files', 'files-5gb', 'replication', 'sockets', 'jobs', 'sync', 'archives']

/**
 * Reads `[short] [part...]`. `short` takes fewer turns and documents: some three minutes for all parts that run
 * without being named. Throws on names that do not exist.
 */
export function readOptions(args: readonly string[], env: Readonly<Record<string, string | undefined>>): Options {
  const isShort = args.includes('short')
  const named = args.filter((arg) => arg !== 'short')
  const unknown = named.find((arg) => !always.includes(arg) && !byName.includes(arg))
  if (unknown !== undefined) {
    throw new Error(
      `There is no part ${unknown}. There are: ${[...always, ...byName].join(', ')}, and short for fewer turns.`,
    )
  }
  const couchdb = env['HEARTH_BENCH_COUCHDB']
  return {
    parts: new Set(named.length === 0 ? always : named),
    turnSeconds: isShort ? 1 : 2,
    turns: isShort ? 3 : 5,
    queried: isShort ? 20_000 : 100_000,
    workers: Number(env['HEARTH_BENCH_WORKERS'] ?? 1),
    couchdb: couchdb === undefined ? undefined : new URL(couchdb),
    before: env['HEARTH_BENCH_BEFORE'],
  }
}
