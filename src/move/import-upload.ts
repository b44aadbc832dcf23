/**
 * Archives that an operator sends instead of a link: parts in pieces, in any order, each kept as an object of its own. What
 * has arrived stays for a week, so that an interrupted upload can continue. The instance does not change here.
 */
import type { FileStore } from '../../storage/files/contract.ts'
import type { ObjectStore, ReceivedObject } from '../../storage/objects/contract.ts'
import type { ZipSource } from '../archive/zip-source.ts'
import { newInternalId } from '../files/ids.ts'
import type { Instance } from '../instances/service.ts'
import { Problem } from '../model/errors.ts'
import { tenantPrefix } from '../model/object-name.ts'
import { quotaOf, requireRoom } from './manifest.ts'
import { piecesSource } from './object-source.ts'

/** What is going to be sent. */
export interface UploadOrder {
  /** Bytes of each part. */
  readonly parts: readonly number[]
  /** Bytes of each piece of a part but the last one. */
  readonly pieceBytes: number
  /** Bytes of all entries, unpacked. */
  readonly size: number
  /** Bytes of files and versions among them, where it is known what they must be. */
  readonly filesSize?: number | undefined
  /** What the archive holds; absent: all. */
  readonly doctypes?: readonly string[] | undefined
}

export interface Piece {
  /** From 0. */
  readonly part: number
  /** From 0, within its part. */
  readonly piece: number
}

interface Upload extends UploadOrder {
  /** Names its objects. Different each time: discarded pieces must not reappear under their names. */
  readonly key: string
}

/** The part of an instance that uploads ask for. */
type Owner = Pick<Instance, 'prefix' | 'document'>

export interface ImportUploads {
  /**
   * Begins an upload, or continues the one with this id.
   * @throws Problem `too_large` without room in the quota, `conflict` for an id that stands for another archive
   */
  begin(owner: Owner, id: string, order: UploadOrder): Promise<void>
  /** Pieces that have not arrived, at most `limit`. @throws Problem `not_found` */
  missing(prefix: string, id: string, limit: number): Promise<readonly Piece[]>
  /** Bytes that a piece must have. @throws Problem `not_found` for an upload or a piece that does not exist */
  lengthOf(prefix: string, id: string, piece: Piece): Promise<number>
  /** Keeps a piece, in place of what arrived of it before. */
  receive(prefix: string, id: string, piece: Piece, bytes: AsyncIterable<Uint8Array>, accept: Accept): Promise<void>
  /** What arrived, to be read. `undefined` when the upload no longer exists. */
  open(prefix: string, id: string): Promise<UploadedArchive | undefined>
  /** Discards what has arrived. */
  drop(prefix: string, id: string): Promise<void>
}

type Accept = (received: ReceivedObject) => void

export interface UploadedArchive extends UploadOrder {
  part(number: number): ZipSource
}

export interface UploadsOptions {
  readonly files: Pick<FileStore, 'ledger' | 'secrets'>
  readonly objects: Pick<ObjectStore, 'put' | 'get' | 'list'>
}

const kind = 'import upload'
/** Counted from the last time it was continued. */
const uploadMs = 7 * 86_400_000
/** Longer, since an import takes a while too. */
const pieceMs = 2 * uploadMs
const listedAtOnce = 1_000
const gib = 1024 ** 3

export function openImportUploads({ files: { ledger, secrets }, objects }: UploadsOptions): ImportUploads {
  async function find(prefix: string, id: string): Promise<Upload | undefined> {
    const known = await secrets.get(prefix, kind, id)
    return known === undefined ? undefined : (JSON.parse(known) as Upload)
  }

  async function existing(prefix: string, id: string): Promise<Upload> {
    const upload = await find(prefix, id)
    if (upload === undefined) throw new Problem('not_found', 'imports: there is no such upload')
    return upload
  }

  function keep(prefix: string, id: string, upload: Upload): Promise<void> {
    return secrets.set(prefix, kind, id, JSON.stringify(upload), uploadMs)
  }

  /** What has arrived of an upload, and how long it is. */
  async function arrived(prefix: string, { key }: Upload): Promise<ReadonlyMap<string, number>> {
    const found = new Map<string, number>()
    const start = folderOf(prefix, key)
    let after: string | undefined
    for (;;) {
      const page = await objects.list(start, { after, limit: listedAtOnce })
      for (const { name, size } of page.objects) found.set(name, size)
      after = page.objects.at(-1)?.name
      if (!page.more || after === undefined) return found
    }
  }

  return {
    async begin({ prefix, document }, id, order) {
      const quota = quotaOf(document['disk_quota'])
      requireRoom(order, quota)
      const bytes = order.parts.reduce((sum, length) => sum + length, 0)
      if (quota !== undefined && bytes > 2 * quota + gib) {
        throw new Problem('too_large', 'import: not enough disk space')
      }
      const known = await find(prefix, id)
      if (known === undefined) return keep(prefix, id, { ...order, key: newInternalId() })
      const { key, ...before } = known
      if (JSON.stringify(sorted(before)) !== JSON.stringify(sorted(order))) {
        throw new Problem('conflict', 'imports: this upload is of another archive')
      }
      await ledger.renew([...(await arrived(prefix, known)).keys()], pieceMs)
      await keep(prefix, id, known)
    },
    async missing(prefix, id, limit) {
      const upload = await existing(prefix, id)
      const there = await arrived(prefix, upload)
      const found: Piece[] = []
      for (const one of piecesOf(upload)) {
        if (found.length === limit) break
        if (there.get(objectOf(prefix, upload, one)) !== pieceLength(upload, one)) found.push(one)
      }
      return found
    },
    async lengthOf(prefix, id, piece) {
      const length = pieceLength(await existing(prefix, id), piece)
      if (length === undefined) throw new Problem('not_found', 'imports: there is no such piece')
      return length
    },
    async receive(prefix, id, piece, bytes, accept) {
      const upload = await existing(prefix, id)
      const object = objectOf(prefix, upload, piece)
      await ledger.lease([object], pieceMs)
      await objects.put(object, bytes, { size: pieceLength(upload, piece), accept, isTransient: true })
    },
    async open(prefix, id) {
      const upload = await find(prefix, id)
      if (upload === undefined) return undefined
      return {
        ...upload,
        part: (part) =>
          piecesSource(objects, {
            size: upload.parts[part] ?? 0,
            pieceBytes: upload.pieceBytes,
            nameOf: (piece) => objectOf(prefix, upload, { part, piece }),
          }),
      }
    },
    async drop(prefix, id) {
      const upload = await find(prefix, id)
      if (upload === undefined) return
      await ledger.renew([...(await arrived(prefix, upload)).keys()], 0)
      await secrets.take(prefix, kind, id)
    },
  }
}

function sorted({ parts, pieceBytes, size, filesSize, doctypes }: UploadOrder): readonly unknown[] {
  return [parts, pieceBytes, size, filesSize, doctypes]
}

function* piecesOf({ parts, pieceBytes }: UploadOrder): Generator<Piece> {
  for (const [part, length] of parts.entries()) {
    for (let piece = 0; piece * pieceBytes < length; piece++) yield { part, piece }
  }
}

/** `undefined` for a piece that does not exist. */
function pieceLength({ parts, pieceBytes }: UploadOrder, { part, piece }: Piece): number | undefined {
  const rest = (parts[part] ?? 0) - piece * pieceBytes
  return rest > 0 ? Math.min(rest, pieceBytes) : undefined
}

function folderOf(prefix: string, key: string): string {
  return `${tenantPrefix(prefix)}imports/${key}/`
}

function objectOf(prefix: string, { key }: Upload, { part, piece }: Piece): string {
  return `${folderOf(prefix, key)}${part}/${piece}`
}
