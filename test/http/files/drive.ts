/** An instance of its own for a table of file tests, on the server of the whole run. */

import type { HttpInit } from '../../support/http.ts'
import { sharedServer, type TestServer } from '../../support/server.ts'
import type { Stage } from '../scenarios.ts'
import { emptyDrive } from './empty-drive.ts'

export interface TestDrive extends Stage {
  readonly server: TestServer
  readonly domain: string
  /** Sends a request with a token that may do everything, unless `as` says another scope. The body is parsed. */
  ask(request: string, options?: AskOptions): Promise<Told>
}

export interface AskOptions {
  /** Bytes and text go out as they are, anything else as JSON. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly as?: string
}

export interface Told {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly json: any
}

/** Starts the server. Give this the time that a start takes on a busy machine. */
export async function startDrives(): Promise<void> {
  await sharedServer()
}

let count = 0

interface DriveOptions {
  /** Bytes. */
  readonly quota?: number
  /** Named like an address of the listener, for clients that cannot set Host. One such drive for each run. */
  readonly asLocalhost?: boolean
  /** With the directories that every instance begins with; otherwise they are deleted. */
  readonly isNew?: boolean
}

export async function openDrive({ quota, asLocalhost = false, isNew = false }: DriveOptions = {}): Promise<TestDrive> {
  const server = await sharedServer()
  const { port } = new URL(server.url)
  const domain = asLocalhost ? `localhost:${port}` : `drive-${process.pid}-${count++}.localhost`
  await createInstance(server, domain, quota)
  if (!isNew) await emptyDrive(server, domain)
  const tokens = new Map<string, Promise<string>>()
  const token = (scope: string) => {
    const known = tokens.get(scope) ?? server.token(scope, { domain })
    tokens.set(scope, known)
    return known
  }
  const send = (path: string, init: HttpInit) =>
    server.fetch(path, { ...init, headers: { host: domain, ...init.headers } })
  return {
    server,
    domain,
    fetch: send,
    token,
    async ask(request, { body, headers = {}, as = '*' } = {}) {
      const space = request.indexOf(' ')
      const raw = body === undefined || typeof body === 'string' || body instanceof Uint8Array
      const answer = await send(request.slice(space + 1), {
        method: request.slice(0, space),
        headers: { authorization: `Bearer ${await token(as)}`, ...headers },
        ...(body === undefined ? {} : { body: raw ? body : JSON.stringify(body) }),
      })
      const text = await answer.text()
      return {
        status: answer.status,
        headers: answer.headers,
        text,
        json: /^[[{]/.test(text) ? JSON.parse(text) : text,
      }
    },
  }
}

async function createInstance(server: TestServer, domain: string, quota: number | undefined): Promise<void> {
  const query = new URLSearchParams({ Domain: domain, ...(quota === undefined ? {} : { DiskQuota: `${quota}` }) })
  const answer = await server.fetch(`${server.adminUrl}/instances?${query}`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`admin:${server.passphrase}`)}` },
  })
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
  await answer.text()
}
