/** An object store in memory, for tests that are not about keeping bytes. */
import { createHash } from 'node:crypto'
import { Problem } from '../../src/model/errors.ts'
import type { ObjectStat, ObjectStore } from '../../storage/objects/contract.ts'

export interface MemoryObjects extends ObjectStore {
  readonly held: Map<string, { readonly stat: ObjectStat; readonly bytes: Uint8Array<ArrayBuffer> }>
}

export function memoryObjects(): MemoryObjects {
  const held: MemoryObjects['held'] = new Map()
  return {
    held,
    async put(name, body, { contentType = 'application/octet-stream', accept } = {}) {
      const chunks: Uint8Array[] = []
      for await (const chunk of body) chunks.push(chunk)
      const bytes = new Uint8Array(Buffer.concat(chunks))
      const md5 = createHash('md5').update(bytes).digest('base64')
      accept?.({ size: bytes.length, md5 })
      const stat = { name, size: bytes.length, md5, contentType, modifiedMs: Date.now() }
      held.set(name, { stat, bytes })
      return stat
    },
    async get(name, range) {
      const found = held.get(name)
      if (!found) return undefined
      const bytes = range ? found.bytes.slice(range.start, range.end + 1) : found.bytes
      return { stat: found.stat, body: new Blob([bytes]).stream() as ReadableStream<Uint8Array<ArrayBuffer>> }
    },
    async stat(name) {
      return held.get(name)?.stat
    },
    async list(prefix, { after = '', limit }) {
      const names = [...held.keys()].filter((name) => name.startsWith(prefix) && name > after).sort()
      const objects = names.slice(0, limit).flatMap((name) => held.get(name)?.stat ?? [])
      return { objects, more: names.length > limit }
    },
    async copy(from, to) {
      const found = held.get(from)
      if (found) held.set(to, { ...found, stat: { ...found.stat, name: to } })
      return found !== undefined
    },
    async delete(names) {
      for (const name of names) held.delete(name)
    },
    async sweepAbandoned() {
      return 0
    },
    async ping() {},
    async close() {},
  }
}

/** A store that fails whatever it is asked. */
export function brokenObjects(): ObjectStore {
  const fail = () => Promise.reject(new Problem('store_unavailable', 'The object store does not answer.'))
  return {
    put: fail,
    get: fail,
    stat: fail,
    list: fail,
    copy: fail,
    delete: fail,
    sweepAbandoned: fail,
    ping: fail,
    close: async () => {},
  }
}
