import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makePrivateFolder } from './folders.ts'
import type { Layout } from './layout.ts'
import type { ServerUser } from './server-user.ts'

/** The port number that is part of the socket's name; no network port is opened. */
export const port = 5432

/** The longest path of a unix socket on Linux, in bytes. */
const longestPath = 107

/** True when a socket can be made in this folder. */
export function fits(folder: string): boolean {
  return Buffer.byteLength(join(folder, `.s.PGSQL.${port}.lock`)) <= longestPath
}

/** The folders to try, best first: beside the data, else a short one whose name tells data directories apart. */
export function socketFolders({ dataDir, socket }: Layout, uid: number, asRoot: boolean): string[] {
  const name = `hearth-${uid}-${createHash('sha256').update(dataDir).digest('hex').slice(0, 12)}`
  const places = asRoot ? ['/run', '/tmp'] : [process.env['XDG_RUNTIME_DIR'] ?? '/tmp', tmpdir(), '/tmp']
  return [socket, ...places.map((place) => join(place, name))].filter(fits)
}

/** Makes the folder for the socket, which only the server's user may enter. */
export async function makeSocketFolder(layout: Layout, user: ServerUser): Promise<string> {
  let refusal: unknown
  for (const folder of socketFolders(layout, user.uid, user.stepsDown)) {
    try {
      await makePrivateFolder(folder, user)
      return folder
    } catch (error) {
      refusal = error
    }
  }
  throw refusal
}
