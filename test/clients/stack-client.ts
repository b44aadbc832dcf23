/** cozy-stack-client, unmodified, as the tests see it: its collections' types, which the package does not ship. */
import { spyOn } from 'bun:test'
// @ts-expect-error it ships no types
import StackClient from 'cozy-stack-client'
import { sharedServer, type TestServer } from '../support/server.ts'

export interface Doc extends Record<string, unknown> {
  readonly _id: string
  readonly _rev: string
  readonly _type: string
  readonly id: string
}

export interface Answer {
  readonly data: Doc[]
  readonly meta?: { readonly count: number }
  readonly next: boolean
  readonly skip: number
  readonly bookmark?: string
}

export interface IndexOptions {
  readonly partialFilter?: object
  readonly indexName?: string
}

export interface FindOptions extends IndexOptions {
  readonly indexedFields?: readonly string[]
  readonly sort?: readonly Record<string, 'asc' | 'desc'>[]
  readonly fields?: readonly string[]
  readonly limit?: number
  readonly skip?: number
  readonly bookmark?: string | undefined
}

export interface DesignDocument {
  readonly _id: string
  readonly _rev: string
  readonly views: Record<
    string,
    { readonly map: { readonly fields: object; readonly partial_filter_selector?: object } }
  >
}

export interface Row {
  readonly ok?: boolean
  readonly id: string
  readonly rev?: string
  readonly error?: string
  readonly reason?: string
}

export interface Collection {
  all(options?: { limit?: number | null; skip?: number; bookmark?: string; keys?: readonly string[] }): Promise<Answer>
  find(selector: object, options?: FindOptions): Promise<Answer>
  findAll(selector: object, options?: FindOptions): Promise<Doc[]>
  get(id: string): Promise<{ readonly data: Doc | null }>
  getAll(ids: readonly string[]): Promise<Answer>
  create(doc: object): Promise<{ readonly data: Doc }>
  update(doc: object): Promise<{ readonly data: Doc }>
  destroy(doc: object): Promise<{ readonly data: Doc & { readonly _deleted: boolean } }>
  updateAll(docs: readonly object[]): Promise<Row[]>
  destroyAll(docs: readonly object[]): Promise<Row[]>
  createIndex(fields: readonly string[], options?: IndexOptions): Promise<{ readonly id: string }>
  fetchAllMangoIndexes(): Promise<DesignDocument[]>
  copyIndex(index: DesignDocument, name: string): Promise<Row>
  destroyIndex(index: DesignDocument): Promise<Row>
  checkUniquenessOf(property: string, value: unknown): Promise<boolean>
}

export interface Client {
  collection(doctype: string): Collection
  fetchJSON(method: string, path: string, body?: unknown): Promise<unknown>
}

export interface Stack {
  readonly server: TestServer
  /** Domain of the instance that clients see. */
  readonly host: string
  /** May do everything. */
  readonly client: Client
}

/** A client on the server of the whole run. */
export async function openStack(): Promise<Stack> {
  const server = await sharedServer()
  // fetch sets Host by the URL, so that the tenant must be named like the listener's address.
  const { host } = new URL(server.url)
  await server.createInstance(host).catch((error: unknown) => {
    if (!String(error).includes('409')) throw error
  })
  return { server, host, client: newClient(server.url, await server.token('*', { domain: host })) }
}

export function newClient(uri: string, token: string, options: object = {}): Client {
  return new StackClient({ uri, token, ...options }) as Client
}

/** What a call fails with. */
export async function failure(work: Promise<unknown>): Promise<{ status: number; message: string; reason: unknown }> {
  return work.then(
    (value) => {
      throw new Error(`it succeeded: ${JSON.stringify(value)}`)
    },
    (error) => error,
  )
}

/** What clients send until `stop`, as `METHOD path status`; `answer` may stand in for the server. */
export function recordRequests(
  base: string,
  answer?: (url: string) => Response | undefined,
): { readonly sent: string[]; stop(): void } {
  const sent: string[] = []
  const genuine = globalThis.fetch
  const recording = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const response = answer?.(`${input}`) ?? (await genuine(input, init))
    sent.push(`${init?.method} ${`${input}`.replace(base, '')} ${response.status}`)
    return response
  }
  const spy = spyOn(globalThis, 'fetch').mockImplementation(recording as typeof fetch)
  return { sent, stop: () => spy.mockRestore() }
}
