/** A person with files of their own on a running server, for tests of the file routes. */
import type { HttpInit } from '../../support/http.ts'
import type { TestServer } from '../../support/server.ts'
import { emptyDrive } from './empty-drive.ts'

export interface Person {
  readonly domain: string
  /** With a token for everything, or for `scope`; none when it is empty. */
  fetch(path: string, init?: HttpInit, scope?: string): Promise<Response>
  /** The id of a new directory. */
  directory(parent: string, name: string): Promise<string>
  /** The id of a new file. */
  file(parent: string, name: string, bytes: HttpInit['body'], type?: string): Promise<string>
  /** The parsed JSON of a request that must succeed. */
  json(method: string, path: string, body?: unknown): Promise<Answer>
}

/** JSON-API, as far as tests look into it. */
export interface Answer {
  readonly data: Resource
  readonly included?: readonly Resource[]
  readonly links: { readonly related: string }
}

export interface Resource {
  readonly id: string
  readonly type: string
  readonly attributes: Readonly<Record<string, unknown>>
  readonly links: Readonly<Record<string, string>>
  readonly meta: { readonly rev: string }
  readonly relationships: Readonly<Record<string, { readonly data: unknown }>>
}

export const root = 'io.cozy.files.root-dir'

let count = 0

/** Makes an instance of its own. */
export async function newPerson(server: TestServer): Promise<Person> {
  const domain = `person-${process.pid}-${count++}-${Date.now().toString(36)}.example.net`
  await server.createInstance(domain)
  await emptyDrive(server, domain)
  const tokens = new Map<string, Promise<string>>()
  const tokenFor = (scope: string) => {
    const token = tokens.get(scope) ?? server.token(scope, { domain })
    tokens.set(scope, token)
    return token
  }
  const person: Person = {
    domain,
    async fetch(path, init = {}, scope = '*') {
      const authorization: Record<string, string> =
        scope === '' ? {} : { authorization: `Bearer ${await tokenFor(scope)}` }
      return server.fetch(path, { ...init, headers: { host: domain, ...authorization, ...init.headers } })
    },
    async directory(parent, name) {
      const { data } = await person.json('POST', `/files/${parent}?Type=directory&Name=${encodeURIComponent(name)}`)
      return data.id
    },
    async file(parent, name, body, type = 'application/octet-stream') {
      const answer = await person.fetch(`/files/${parent}?Type=file&Name=${encodeURIComponent(name)}`, {
        method: 'POST',
        headers: { 'content-type': type },
        ...(body === undefined ? {} : { body }),
      })
      const text = await answer.text()
      if (answer.status !== 201) throw new Error(`${name}: ${answer.status} ${text}`)
      return (JSON.parse(text) as Answer).data.id
    },
    async json(method, path, body) {
      const answer = await person.fetch(path, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await answer.text()
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
      return JSON.parse(text) as Answer
    },
  }
  return person
}
