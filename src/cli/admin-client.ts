/** What the commands `instances ...` ask of a running server: the admin API over HTTP. No terminal, no environment. */
import { TextLineStream } from '@std/streams'

/** Where the admin API is, and its passphrase. */
export interface AdminTarget {
  /** For example `http://localhost:6060`. */
  readonly adminUrl: string
  readonly passphrase: string
}

/** An instance as the admin API shows it. */
export interface ShownInstance {
  readonly id: string
  readonly rev: string
  readonly domain: string
  readonly attributes: Readonly<Record<string, unknown>>
}

/** The server could not be reached or refused; the message is for the person at the terminal. */
export class AdminClientError extends Error {
  override readonly name = 'AdminClientError'
  /** HTTP status; `undefined` when there was no answer. */
  readonly status: number | undefined

  constructor(message: string, status?: number, options?: ErrorOptions) {
    super(message, options)
    this.status = status
  }
}

/** Query parameters by their names in the admin API (`Locale`, `Email`, `DomainAliases`, ...); `undefined` is left out. */
export type AdminParameters = Readonly<Record<string, string | undefined>>

/** Creates an instance. */
export async function addInstance(
  target: AdminTarget,
  domain: string,
  parameters: AdminParameters = {},
): Promise<ShownInstance> {
  return shown(await ask(target, 'POST', '/instances', { Domain: domain, ...parameters }))
}

/** Instances asked for at a time. */
const pageSize = 500

/** All instances, by domain. `onPage` is called with how many have been read so far. */
export async function listInstances(
  target: AdminTarget,
  onPage: (count: number) => void = () => {},
): Promise<readonly ShownInstance[]> {
  const all: ShownInstance[] = []
  let cursor: string | undefined
  do {
    const page = { 'page[limit]': String(pageSize), 'page[cursor]': cursor }
    const { data, links } = (await (await ask(target, 'GET', '/instances', page)).json()) as {
      data: readonly Resource[]
      links?: { next?: string }
    }
    all.push(...data.map(instanceOf))
    onPage(all.length)
    cursor = /page\[cursor\]=([^&]+)/.exec(links?.next ?? '')?.[1]
  } while (cursor !== undefined)
  return all.sort((a, b) => (a.domain < b.domain ? -1 : 1))
}

/** One instance, by domain or alias. */
export async function showInstance(target: AdminTarget, domain: string): Promise<ShownInstance> {
  return shown(await ask(target, 'GET', pathOf(domain)))
}

/** Changes an instance. The answer's attributes hold its secrets: print with care. */
export async function modifyInstance(
  target: AdminTarget,
  domain: string,
  parameters: AdminParameters,
): Promise<ShownInstance> {
  return shown(await ask(target, 'PATCH', pathOf(domain), parameters))
}

/** Deletes an instance with all its data. */
export async function removeInstance(target: AdminTarget, domain: string): Promise<void> {
  await ask(target, 'DELETE', pathOf(domain))
}

export interface CliTokenOrder {
  readonly domain: string
  /** Rules such as `io.cozy.notes:GET`, or `*`. */
  readonly scopes: readonly string[]
  /** A duration such as `1h30m`; without it the server's default. */
  readonly expire?: string | undefined
}

/** A `cli` token for the public API. */
export async function mintCliToken(target: AdminTarget, { domain, scopes, expire }: CliTokenOrder): Promise<string> {
  const parameters = { Domain: domain, Audience: 'cli', Subject: 'cli', Scope: scopes.join(' '), Expire: expire }
  return (await ask(target, 'POST', '/instances/token', parameters)).text()
}

/** A token for an OAuth client of an instance. */
export async function mintClientToken(
  target: AdminTarget,
  { domain, client, scopes, expire }: CliTokenOrder & { readonly client: string },
): Promise<string> {
  const parameters = { Domain: domain, Audience: 'access', Subject: client, Scope: scopes.join(' '), Expire: expire }
  return (await ask(target, 'POST', '/instances/token', parameters)).text()
}

/** How many instances there are. */
export async function countInstances(target: AdminTarget): Promise<number> {
  return ((await (await ask(target, 'GET', '/instances/count')).json()) as { count: number }).count
}

/** What of an instance's files is checked; all of it by default. */
export interface CheckRequest {
  /** Only the documents. */
  readonly index?: boolean
  /** Only whether documents and stored contents agree. */
  readonly files?: boolean
  readonly failFast?: boolean
  /** Read all bytes. */
  readonly hash?: boolean
}

/** Checks an instance's files: lines of JSON as they are found, the last one perhaps about a check that broke off. */
export async function* checkFiles(
  target: AdminTarget,
  domain: string,
  asked: CheckRequest,
): AsyncGenerator<string, void> {
  const flag = (wanted: boolean | undefined) => (wanted === true ? 'true' : undefined)
  // The server takes one of the two for the only one.
  const isPart = asked.index !== asked.files
  const answer = await ask(target, 'GET', `${pathOf(domain)}/fsck`, {
    IndexIntegrity: flag(isPart && asked.index),
    FilesConsistency: flag(isPart && asked.files),
    FailFast: flag(asked.failFast),
    Hash: flag(asked.hash),
  })
  yield* answer.body?.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream()) ?? []
}

interface Resource {
  readonly id: string
  readonly attributes: Readonly<Record<string, unknown>>
  readonly meta: { readonly rev: string }
}

function instanceOf({ id, attributes, meta }: Resource): ShownInstance {
  return { id, rev: meta.rev, domain: String(attributes['domain']), attributes }
}

async function shown(answer: Response): Promise<ShownInstance> {
  return instanceOf(((await answer.json()) as { data: Resource }).data)
}

/** The path of an instance in the admin API. */
export function pathOf(domain: string): string {
  return `/instances/${encodeURIComponent(domain)}`
}

/** What a request to the admin API carries beside its path. */
export interface AdminRequest {
  readonly query?: AdminParameters
  /** Sent as JSON. */
  readonly body?: unknown
  readonly bytes?: Uint8Array
  /** Sent as it comes, for routes that take bytes. */
  readonly stream?: AsyncIterable<Uint8Array>
  readonly headers?: Readonly<Record<string, string>>
  /** The instance, where a route is told it by `Host`. */
  readonly host?: string
}

function ask(target: AdminTarget, method: string, path: string, query: AdminParameters = {}): Promise<Response> {
  return askAdmin(target, method, path, { query })
}

/** Sends a request to the admin API. @throws AdminClientError when there is no answer, or one above 399 */
export async function askAdmin(
  { adminUrl, passphrase }: AdminTarget,
  method: string,
  path: string,
  { query = {}, body, bytes, stream, headers = {}, host }: AdminRequest = {},
): Promise<Response> {
  const present = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined)
  const search = present.length === 0 ? '' : `?${new URLSearchParams(present)}`
  const authorization = `Basic ${Buffer.from(`admin:${passphrase}`).toString('base64')}`
  const url = `${adminUrl.replace(/\/+$/, '')}${path}${search}`
  const answer = await fetch(url, {
    method,
    headers: {
      authorization,
      ...(host === undefined ? {} : { host }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(bytes === undefined ? {} : { body: bytes as Uint8Array<ArrayBuffer> }),
    ...(stream === undefined ? {} : { body: stream as unknown as BodyInit, duplex: 'half' }),
  }).catch((cause: unknown) => {
    throw new AdminClientError(`no answer from the admin API at ${adminUrl}; is \`hearth serve\` running?`, undefined, {
      cause,
    })
  })
  if (!answer.ok) throw new AdminClientError(await explain(answer), answer.status)
  return answer
}

async function explain(answer: Response): Promise<string> {
  const text = await answer.text()
  if (answer.status === 401 || answer.status === 403) {
    if (!text.includes('basic auth') && !text.includes('bad passphrase')) return text
    return `the admin API refused the passphrase (${text}); HEARTH_ADMIN_PASSPHRASE must hold it`
  }
  const detail = answer.headers.get('content-type')?.includes('json') ? detailIn(text) : text
  return detail || `the admin API answered ${answer.status}`
}

/** The first error of a JSON-API answer. */
function detailIn(text: string): string | undefined {
  try {
    const { errors } = JSON.parse(text) as { errors?: readonly { detail?: string }[] }
    return errors?.[0]?.detail
  } catch {
    return undefined
  }
}
