/** Uploads that remember what was acknowledged, and the comparison of that with what can be read afterwards. */
import { createHash, randomBytes } from 'node:crypto'
import type { TestServer } from '../../support/server.ts'

export const rootId = 'io.cozy.files.root-dir'

export interface Acknowledged {
  readonly id: string
  readonly name: string
  readonly md5: string
  readonly size: number
}

export function md5Of(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('base64')
}

/** Speaks to the files API of one server. */
export class FilesClient {
  readonly #server: TestServer
  readonly #token: string

  constructor(server: TestServer, token: string) {
    this.#server = server
    this.#token = token
  }

  fetch(path: string, init: Parameters<TestServer['fetch']>[1] = {}): Promise<Response> {
    return this.#server.fetch(path, { ...init, headers: { authorization: `Bearer ${this.#token}`, ...init.headers } })
  }

  /** Uploads to the root. `undefined` when the server refused; rejects when it went away. */
  async upload(name: string, bytes: Uint8Array): Promise<Acknowledged | { readonly status: number }> {
    const response = await this.fetch(`/files/${rootId}?Type=file&Name=${encodeURIComponent(name)}`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream', 'content-md5': md5Of(bytes) },
      body: bytes,
    })
    const text = await response.text()
    if (response.status !== 201) return { status: response.status }
    const { data } = JSON.parse(text) as { data: { id: string; attributes: { md5sum: string; size: string } } }
    return { id: data.id, name, md5: data.attributes.md5sum, size: Number(data.attributes.size) }
  }

  /** What is wrong with acknowledged files, in words; nothing when all is well. */
  async damage(files: readonly Acknowledged[]): Promise<readonly string[]> {
    const wrong: string[] = []
    const queue = [...files]
    const read = async () => {
      for (let file = queue.pop(); file; file = queue.pop()) {
        const response = await this.fetch(`/files/download/${file.id}`)
        const bytes = new Uint8Array(await response.arrayBuffer())
        if (response.status !== 200) wrong.push(`${file.name}: ${response.status}`)
        else if (bytes.length !== file.size) wrong.push(`${file.name}: ${bytes.length} bytes instead of ${file.size}`)
        else if (md5Of(bytes) !== file.md5) wrong.push(`${file.name}: other bytes`)
      }
    }
    await Promise.all(Array.from({ length: 8 }, read))
    return wrong
  }

  /** The number of children of the root, without the trash. */
  async count(): Promise<number> {
    const response = await this.fetch(`/files/${rootId}`)
    const { data } = (await response.json()) as {
      data: { relationships: { contents: { meta: { count: number } } } }
    }
    return data.relationships.contents.meta.count
  }
}

/** The lines of a full check. */
export async function fsck(server: TestServer, query = ''): Promise<readonly string[]> {
  const authorization = `Basic ${btoa(`admin:${server.passphrase}`)}`
  const url = `${server.adminUrl}/instances/${encodeURIComponent(server.domain)}/fsck${query}`
  const response = await server.fetch(url, { headers: { authorization } })
  if (response.status !== 200) throw new Error(`fsck: ${response.status} ${await response.text()}`)
  return (await response.text()).split('\n').filter((line) => line !== '')
}

/** Sizes as people have them: mostly small, now and then some megabytes. */
export function someBytes(): Uint8Array {
  const size = Math.random() < 0.1 ? 2_000_000 * Math.random() : 40_000 * Math.random()
  return randomBytes(Math.floor(size))
}
