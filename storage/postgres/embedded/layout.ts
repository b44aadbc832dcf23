import { join } from 'node:path'

/** The major version of the embedded server. Its data directories are of no use to any other. */
export const majorVersion = 18

/** Where everything of the embedded server lies below the data directory. One folder for each major version. */
export interface Layout {
  /** Hearth's data directory itself. */
  readonly dataDir: string
  /** Holds one folder for each major version. */
  readonly versions: string
  /** The folder of this major version. */
  readonly home: string
  /** PostgreSQL's own data directory. */
  readonly cluster: string
  /** The server's own log; `log.1` is the previous one. */
  readonly log: string
  /** The preferred place of the unix socket; a long path needs another (socket.ts). */
  readonly socket: string
  /** Says which Hearth serves this data directory. */
  readonly lock: string
}

/** The layout below `dataDir`, an absolute path without symbolic links. */
export function layoutOf(dataDir: string): Layout {
  const versions = join(dataDir, 'pg')
  const home = join(versions, String(majorVersion))
  return {
    dataDir,
    versions,
    home,
    cluster: join(home, 'data'),
    log: join(home, 'log'),
    socket: join(home, 'socket'),
    lock: join(dataDir, 'hearth.lock'),
  }
}

/** Work in progress has a name with this beginning, so that the remains of a killed start can be recognised. */
export const unfinishedPrefix = '.unfinished-'
