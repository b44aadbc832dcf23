/** An instance full of everything that an export must carry, and what can be seen of an instance, to compare two of them. */
import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import type { TestServer } from '../support/server.ts'

export interface Account {
  readonly domain: string
  ask<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T>
  send(method: string, path: string, body?: string | Uint8Array | Readable): Promise<Response>
}

/** A new instance and whoever may do everything in it. */
export async function newAccount(server: TestServer, domain: string): Promise<Account> {
  await server.createInstance(domain)
  const authorization = `Bearer ${await server.token('*', { domain })}`
  const send: Account['send'] = (method, path, body) => {
    const type = typeof body === 'string' ? 'application/json' : 'application/octet-stream'
    const headers = { host: domain, authorization, 'content-type': type }
    return server.fetch(path, { method, headers, ...(body === undefined ? {} : { body }) })
  }
  return {
    domain,
    send,
    async ask(method, path, body) {
      const answer = await send(method, path, body === undefined ? undefined : JSON.stringify(body))
      const text = await answer.text()
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
      return text === '' ? {} : JSON.parse(text)
    },
  }
}

export interface Sizes {
  readonly documents: number
  readonly files: number
  /** Bytes of the largest file. */
  readonly largest: number
}

export const doctypes = Array.from({ length: 12 }, (_, n) => `org.example.kind${n}`)

interface Made {
  readonly data: { readonly id: string }
}

/** Fills an instance. Deterministic apart from ids, times and the bytes of contents. */
export async function populate(account: Account, { documents, files, largest }: Sizes): Promise<void> {
  const each = Math.ceil(documents / doctypes.length)
  for (const [kind, doctype] of doctypes.entries()) {
    for (let from = 0; from < each; from += 500) {
      const docs = Array.from({ length: Math.min(500, each - from) }, (_, at) => documentOf(kind, from + at))
      await account.ask('POST', `/data/${doctype}/_bulk_docs`, { docs })
    }
  }
  await addWhatStays(account)
  await addFiles(account, files, largest)
}

const odd = ['a/b', 'with space', 'été 🎄', '"quoted" & <b>', '%2F', '+plus', 'ひらがな']

function documentOf(kind: number, n: number): object {
  const name = odd[n % odd.length] ?? ''
  const nested = {
    n,
    list: [null, true, { deep: name }],
    big: 1e21,
    small: 1.5e-9,
    empty: {},
    text: 'x'.repeat(n % 300),
  }
  return { _id: n < odd.length ? name : `doc-${n}`, kind, name, nested, '': 'no name', 'é key': [] }
}

/** Revisions and documents that an export leaves out, each beside something that it takes. */
async function addWhatStays(account: Account): Promise<void> {
  const [doctype = ''] = doctypes
  const revision = (hash: string) => `2-${hash.repeat(32)}`
  const revisions = (hash: string) => ({ start: 2, ids: [hash.repeat(32), '0'.repeat(32)] })
  const conflict = (hash: string) => ({
    _id: 'in-conflict',
    _rev: revision(hash),
    _revisions: revisions(hash),
    from: hash,
  })
  await account.ask('POST', `/data/${doctype}/_bulk_docs`, { new_edits: false, docs: [conflict('a'), conflict('b')] })
  await account.ask('POST', `/data/${doctype}/_index`, { index: { fields: ['kind'] }, ddoc: 'by-kind', name: 'kind' })
  const { rev } = await account.ask<{ rev: string }>('PUT', `/data/${doctype}/deleted`, { x: 1 })
  await account.ask('DELETE', `/data/${doctype}/deleted?rev=${rev}`)
  const attached = await account.ask<{ rev: string }>('PUT', `/data/${doctype}/attached`, { x: 1 })
  const path = `/data/${doctype}/attached/note.txt?rev=${attached.rev}`
  const stored = await account.send('PUT', path, Buffer.from('an attachment'))
  if (!stored.ok) throw new Error(`${stored.status} ${await stored.text()}`)
}

async function addFiles(account: Account, count: number, largest: number): Promise<void> {
  const upload = async (path: string, bytes: Uint8Array | Readable): Promise<string> => {
    const answer = await account.send(path.startsWith('/files/?') ? 'POST' : 'PUT', path, bytes)
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`)
    return (JSON.parse(text) as Made).data.id
  }
  const create = (folder: string, name: string, bytes: Uint8Array | Readable, more = '') =>
    account
      .send('POST', `/files/${folder}?Type=file&Name=${encodeURIComponent(name)}${more}`, bytes)
      .then(async (answer) => {
        const text = await answer.text()
        if (!answer.ok) throw new Error(`${name}: ${answer.status} ${text}`)
        return (JSON.parse(text) as Made).data.id
      })
  const folders: string[] = ['']
  for (const name of ['Été & Hiver 🎄', 'a b', '日本', 'deep']) {
    const parent = name === 'deep' ? folders[1] : ''
    const made = await account.ask<Made>('POST', `/files/${parent}?Type=directory&Name=${encodeURIComponent(name)}`)
    folders.push(made.data.id)
  }
  await create('', 'empty.txt', new Uint8Array(0))
  await create('', 'largest.bin', Readable.from(randomChunks(largest)))
  const made: string[] = []
  for (let n = 0; n < count; n += 8) {
    const some = Array.from({ length: Math.min(8, count - n) }, (_, at) => {
      const number = n + at
      const folder = folders[number % folders.length] ?? ''
      const bytes =
        number % 3 === 0 ? Buffer.from(`text ${number}\n`.repeat(number % 500)) : randomBytes(3_000 + number)
      const name = `${odd[number % odd.length]?.replaceAll('/', ':')} ${number}.${number % 3 === 0 ? 'txt' : 'bin'}`
      return create(folder, name, bytes, number % 5 === 0 ? '&Executable=true' : '')
    })
    made.push(...(await Promise.all(some)))
  }
  for (const [n, id] of made.entries()) {
    // Versions, references, tags, and the trash.
    if (n % 10 === 0) for (const text of ['second', 'third']) await upload(`/files/${id}`, Buffer.from(`${text} ${n}`))
    if (n % 10 === 1) {
      const data = [{ type: 'io.cozy.photos.albums', id: `album-${n}` }]
      await account.ask('POST', `/files/${id}/relationships/referenced_by`, { data })
    }
    if (n % 10 === 2) {
      const data = { type: 'io.cozy.files', id, attributes: { tags: ['one', 'é'] } }
      await account.ask('PATCH', `/files/${id}`, { data })
    }
    if (n % 10 === 3) await account.ask('DELETE', `/files/${id}`)
  }
}

function* randomChunks(length: number): Generator<Uint8Array> {
  for (let left = length; left > 0; left -= 1 << 20) yield randomBytes(Math.min(left, 1 << 20))
}

type Document = Readonly<Record<string, unknown>> & { readonly _id: string }

/** All documents of a doctype, winners only, as readers get them. */
export async function documentsOf(account: Account, doctype: string): Promise<readonly Document[]> {
  const found: Document[] = []
  for (let start = ''; ; ) {
    const query = `include_docs=true&limit=1000${start === '' ? '' : `&start_key=${encodeURIComponent(start)}&skip=1`}`
    const { rows } = await account.ask<{ rows: { id: string; doc: Document }[] }>(
      'GET',
      `/data/${doctype}/_all_docs?${query}`,
    )
    found.push(...rows.map(({ doc }) => doc))
    if (rows.length < 1000) return found
    start = JSON.stringify(rows.at(-1)?.id)
  }
}

/** What a reader sees of everything that an import must bring back, by doctype and id. */
export async function everythingIn(account: Account): Promise<ReadonlyMap<string, Document>> {
  const found = new Map<string, Document>()
  for (const doctype of [...doctypes, 'io.cozy.files', 'io.cozy.files.versions']) {
    for (const document of await documentsOf(account, doctype)) {
      if (document._id.startsWith('_design/')) continue
      // New at each import: the revision, and under which name the content is kept. Attachments are left out.
      const { _rev, internal_vfs_id, _attachments, ...kept } = document
      const path = contentPath(doctype, document)
      const content = path === undefined ? {} : { content: await digestOf(await account.send('GET', path)) }
      found.set(`${doctype}/${document._id}`, { ...kept, ...content } as Document)
    }
  }
  return found
}

function contentPath(doctype: string, { _id, type }: Document): string | undefined {
  if (doctype === 'io.cozy.files.versions') return `/files/download/${_id}`
  return doctype === 'io.cozy.files' && type === 'file' ? `/files/download/${_id}` : undefined
}

async function digestOf(answer: Response): Promise<string> {
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
  const hash = createHash('sha256')
  for await (const chunk of answer.body ?? []) hash.update(chunk)
  return hash.digest('hex')
}
