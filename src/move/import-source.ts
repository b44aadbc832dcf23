/** Where an import gets its archive from: another server, or what an operator has sent. */
import type { ZipSource } from '../archive/zip-source.ts'
import { ImportFailure } from './import-failure.ts'
import { type FetchOptions, fetchPart } from './import-part.ts'
import type { ImportUploads } from './import-upload.ts'
import type { Manifest } from './manifest.ts'

export interface ImportSource {
  /** Bytes of documents, and of files where they are known. */
  readonly size: number
  /** Bytes of files and versions, where they are known. */
  readonly filesSize?: number | undefined
  /** What the archive holds; absent: all. */
  readonly doctypes?: ReadonlySet<string> | undefined
  /** How many parts there are. */
  readonly parts: number
  /** How often each byte passes. */
  readonly passes: 1 | 2
  /** A part, from 0. @throws ImportFailure when it does not come, or not whole */
  part(number: number): Promise<ZipSource>
  /** The part is not needed any more. */
  done(number: number): Promise<void>
}

export interface FetchedOptions extends FetchOptions {
  /** The object for a part. */
  readonly objectOf: (part: number) => string
  /** Called before the object is written, and when it may go. */
  readonly lease: (object: string) => Promise<void>
  readonly release: (object: string) => Promise<void>
}

/** Parts that another server gives, one after the other. */
export function fetchedSource(manifest: Manifest, options: FetchedOptions): ImportSource {
  const { size, filesSize, doctypes, cursors } = manifest
  return {
    size,
    filesSize,
    doctypes,
    parts: cursors.length + 1,
    passes: 2,
    async part(number) {
      const object = options.objectOf(number)
      await options.lease(object)
      return fetchPart(options, manifest, number === 0 ? undefined : cursors[number - 1], object)
    },
    done: (number) => options.release(options.objectOf(number)),
  }
}

/** Parts that have arrived already. @throws ImportFailure when they are gone */
export async function uploadedSource(
  uploads: Pick<ImportUploads, 'open' | 'missing'>,
  prefix: string,
  id: string,
): Promise<ImportSource> {
  const upload = await uploads.open(prefix, id)
  if (upload === undefined || (await uploads.missing(prefix, id, 1)).length > 0) {
    throw new ImportFailure('the archive that was sent is not there any more')
  }
  const { size, filesSize, doctypes, parts } = upload
  return {
    size,
    filesSize,
    doctypes: doctypes && new Set(doctypes),
    parts: parts.length,
    passes: 1,
    part: async (number) => upload.part(number),
    // They stay until the import has ended: it may have to begin again.
    done: async () => {},
  }
}
