/** Servers whose instance is named like their address, so that a plain URL finds it. */
import { sharedServer, type TestServer } from '../../support/server.ts'
import { openRemote, type Pouch } from './pouch.ts'

export type FaceName = 'data' | 'couchdb'
export const faces: readonly FaceName[] = ['couchdb', 'data']

export interface Remote {
  /** What a client opens the database by, with the token in it. */
  url(face: FaceName, name: string): string
  /** A database of a name that both faces take; PouchDB makes it when it is used. */
  open(face: FaceName, name: string): Pouch
  /** The same with a token that allows GET only. */
  reader(face: FaceName, name: string): Promise<Pouch>
  /** A plain request with the token, its body sent as JSON. */
  fetch(path: string, init?: { readonly method?: string; readonly body?: string }): Promise<Response>
}

let names = 0

/** A name that no other test uses. */
export function freshName(): string {
  names += 1
  return `test.pouch.${process.pid}.n${names}`
}

/** Makes the instance and a token for everything in it. */
export async function remoteOf(server: TestServer): Promise<Remote> {
  const { host } = new URL(server.url)
  await server.createInstance(host).catch((error: unknown) => {
    if (!String(error).includes('409')) throw error
  })
  const options = { domain: host, expire: '30m' }
  const token = await server.token('*', options)
  const url = (face: FaceName, name: string) => `http://pouch:${token}@${host}/${face}/${name}`
  return {
    url,
    open: (face, name) => openRemote(url(face, name)),
    async reader(face, name) {
      const scoped = await server.token(`${name}:GET`, options)
      return openRemote(`http://pouch:${scoped}@${host}/${face}/${name}`, { skip_setup: true })
    },
    fetch: (path, { method = 'GET', body } = {}) =>
      server.fetch(path, {
        method,
        headers: { host, authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body }),
      }),
  }
}

export async function sharedRemote(): Promise<Remote> {
  return remoteOf(await sharedServer())
}
