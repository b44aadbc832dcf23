/** An instance with files on a real server, whose documents and objects a test damages from outside. */
import type postgres from 'postgres'
import { rootId } from '../../../src/files/node.ts'
import { contentName } from '../../../src/model/object-name.ts'
import type { HttpInit } from '../../support/http.ts'
import type { TestServer } from '../../support/server.ts'

export type Members = Record<string, unknown>

/** A finding as it comes over the wire. */
export type Line = Members & { readonly type: string }

export interface Stage {
  readonly domain: string
  /** Of its databases and objects. */
  readonly prefix: string
  readonly root: string
  /** A request to the public listener with a token for files. */
  api(method: string, path: string, init?: HttpInit): Promise<Response>
  /** A request to the admin listener, `Host` being the instance. */
  admin(method: string, path: string, init?: HttpInit): Promise<Response>
  directory(name: string, parent?: string): Promise<string>
  file(name: string, content: string | Uint8Array, parent?: string): Promise<string>
  /** Through the repair's own route for objects. */
  putObject(name: string, bytes: string | Uint8Array, contentType?: string): Promise<void>
  deleteObject(name: string): Promise<void>
  /** The name of a file's current content. */
  objectOf(fileId: string): Promise<string>
  /** The lines of a check. */
  fsck(query?: string): Promise<readonly Line[]>
  /** A document as stored, read past the server. */
  stored(id: string, doctype?: string): Promise<Members>
  /** Sets members of a document past the server; `undefined` removes one. */
  damage(id: string, members: Readonly<Record<string, unknown>>, doctype?: string): Promise<void>
  /** Adds a document past the server. */
  insert(id: string, members: Members, doctype?: string): Promise<void>
  remove(id: string, doctype?: string): Promise<void>
  /** The number of a database. */
  database(doctype?: string): Promise<string>
}

const files = 'io.cozy.files'
let count = 0

export async function newStage(server: TestServer, sql: postgres.Sql): Promise<Stage> {
  const domain = `stage-${Date.now().toString(36)}-${count++}.localhost:8080`
  await server.createInstance(domain)
  const token = await server.token('io.cozy.files', { domain })
  const authorization = `Basic ${Buffer.from(`admin:${server.passphrase}`).toString('base64')}`

  const api: Stage['api'] = (method, path, init = {}) =>
    server.fetch(path, {
      ...init,
      method,
      headers: { host: domain, authorization: `Bearer ${token}`, ...init.headers },
    })
  const admin: Stage['admin'] = (method, path, init = {}) =>
    server.fetch(server.adminUrl + path, { ...init, method, headers: { host: domain, authorization, ...init.headers } })
  const done = async (answer: Promise<Response>) => {
    const response = await answer
    const text = await response.text()
    if (!response.ok) throw new Error(`${response.status} ${text}`)
    return text
  }
  const created = async (path: string, init: HttpInit) =>
    (JSON.parse(await done(api('POST', path, init))) as { data: { id: string } }).data.id
  const named = (parent: string, type: string, name: string) =>
    `/files/${parent}?Type=${type}&Name=${encodeURIComponent(name)}`
  const prefix = JSON.parse(await done(admin('GET', `/instances/${domain}/prefix`))) as string
  const database: Stage['database'] = async (doctype = files) => {
    const [row] = await sql`SELECT db FROM databases WHERE prefix = ${prefix} AND name = ${doctype}`
    return String(row?.['db'])
  }
  const row = async (id: string, doctype = files) => {
    const [found] = await sql`SELECT * FROM docs WHERE db = ${await database(doctype)} AND id = ${id}`
    if (!found) throw new Error(`no document ${id}`)
    return { found, members: JSON.parse(found['raw'] ?? JSON.stringify(found['body'])) as Members }
  }

  return {
    domain,
    prefix,
    root: rootId,
    api,
    admin,
    database,
    directory: (name, parent = rootId) => created(named(parent, 'directory', name), {}),
    file: (name, content, parent = rootId) =>
      created(named(parent, 'file', name), { body: content, headers: { 'content-type': 'text/plain' } }),
    async putObject(name, bytes, contentType = 'text/plain') {
      const path = `/swift/vfs/${encodeURIComponent(name)}`
      expectNull(await done(admin('PUT', path, { body: bytes, headers: { 'content-type': contentType } })))
    },
    async deleteObject(name) {
      expectNull(await done(admin('DELETE', `/swift/vfs/${encodeURIComponent(name)}`)))
    },
    async objectOf(fileId) {
      const { members } = await row(fileId)
      return contentName(fileId, String(members['internal_vfs_id']))
    },
    async fsck(query = '') {
      const answer = await admin('GET', `/instances/${domain}/fsck${query}`)
      const text = await answer.text()
      if (answer.status !== 200) throw new Error(`${answer.status} ${text}`)
      if (text !== '' && !text.endsWith('\n')) throw new Error(`a line is not ended: ${text}`)
      return text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Line)
    },
    async stored(id, doctype) {
      const { found, members } = await row(id, doctype)
      return { _id: id, _rev: `${found['gen']}-${found['hash']}`, ...members }
    },
    async damage(id, changed, doctype) {
      const { members } = await row(id, doctype)
      const body = JSON.parse(JSON.stringify({ ...members, ...changed })) as Members
      const db = await database(doctype)
      await sql`UPDATE docs SET body = ${sql.json(body as postgres.JSONValue)}, raw = NULL WHERE db = ${db} AND id = ${id}`
    },
    async insert(id, members, doctype) {
      const db = await database(doctype)
      await sql`
        WITH d AS (UPDATE databases SET update_seq = update_seq + 1, doc_count = doc_count + 1 WHERE db = ${db} RETURNING update_seq)
        INSERT INTO docs (db, id, seq, gen, hash, deleted, body)
        SELECT ${db}, ${id}, update_seq, 1, ${'0'.repeat(32)}, false, ${sql.json(members as postgres.JSONValue)} FROM d`
    },
    async remove(id, doctype) {
      await sql`DELETE FROM docs WHERE db = ${await database(doctype)} AND id = ${id}`
    },
  }
}

function expectNull(text: string): void {
  if (text !== 'null') throw new Error(`not null: ${text}`)
}
