/**
 * The md5 of objects. Metadata has to be sent before the bytes, so only objects that fit into memory have it there. Of
 * large ones it lies in a small companion object, written before the large one appears, with the ETag that it belongs to
 * and what held before: one that belongs to other bytes is noticed, and the object that is about to be replaced keeps
 * its own. Without one of the two (objects that others have put) the bytes are read.
 */
import { createHash } from 'node:crypto'
import { type Head, textOf } from './answers.ts'
import { orProblem } from './failures.ts'
import { bodyOf } from './response-body.ts'
import type { S3 } from './s3.ts'

export interface Checksums {
  /** Base64. `undefined` when the object was replaced or removed since `head` was read. */
  of(key: string, head: Head): Promise<string | undefined>
  /** Notes the md5 that the object will have once it is there with this ETag. */
  note(key: string, etag: string, md5: string): Promise<void>
}

/** The key of what lies beside an object. */
export function besideKey(key: string): string {
  return `${key}md5`
}

interface Note {
  readonly etag: string
  readonly md5: string
}

/** The newest one, and those of the objects before it. */
const keptNotes = 3
/** So that reading a large object in many ranges needs one look-up. */
const rememberedCount = 2_000

/** Checksums of the objects in a bucket. */
export function newChecksums(s3: S3): Checksums {
  const remembered = new Map<string, string>()

  function remember(key: string, etag: string, md5: string): string {
    remembered.set(`${etag} ${key}`, md5)
    for (const oldest of remembered.keys()) {
      if (remembered.size <= rememberedCount) break
      remembered.delete(oldest)
    }
    return md5
  }

  async function notesOf(key: string): Promise<readonly Note[]> {
    const got = await s3.get(besideKey(key), {})
    return got.state === 'found' ? parseNotes(await orProblem(() => textOf(got.response))) : []
  }

  async function computed(key: string, etag: string): Promise<string | undefined> {
    const got = await s3.get(key, { etag })
    if (got.state !== 'found') return undefined
    const hash = createHash('md5')
    for await (const chunk of bodyOf(got.response, got.length)) hash.update(chunk)
    return hash.digest('base64')
  }

  return {
    async of(key, { md5, etag }) {
      const known = md5 ?? remembered.get(`${etag} ${key}`)
      if (known !== undefined) return known
      const noted = (await notesOf(key)).find((note) => note.etag === etag)
      const found = noted?.md5 ?? (await computed(key, etag))
      return found === undefined ? undefined : remember(key, etag, found)
    },

    async note(key, etag, md5) {
      const notes = [{ etag, md5 }, ...(await notesOf(key))].slice(0, keptNotes)
      await s3.put(besideKey(key), Buffer.from(JSON.stringify(notes)), { 'content-type': 'application/json' })
      remember(key, etag, md5)
    },
  }
}

function parseNotes(text: string): Note[] {
  try {
    const found: unknown = JSON.parse(text)
    return Array.isArray(found) ? found.filter(isNote) : []
  } catch {
    return []
  }
}

function isNote(value: unknown): value is Note {
  const { etag, md5 } = (value ?? {}) as Partial<Record<keyof Note, unknown>>
  return typeof etag === 'string' && typeof md5 === 'string'
}
