/**
 * Restoring everything that Hearth keeps from a backup, on a server that keeps serving until the last moment. The data are
 * filled beside those that are there and take their place in one step; until then, and whenever something is wrong with the archive,
 * all is as it was.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { Problem } from '../model/errors.ts'
import { StartupError } from '../model/startup-error.ts'
import { configurationFiles, manifestBytes, serverEntry } from './backup.ts'
import { writeDurably } from './durable-file.ts'
import { reach } from './failpoints.ts'
import type { Hooks } from './hooks.ts'
import { newJobId } from './job-id.ts'
import type { Places } from './places.ts'
import type { Procedure } from './procedures.ts'
import { readTar, TarError } from './tar.ts'

/** Replaces everything that the server keeps. */
export interface ServerExchange {
  /** Reads a stream of `hearth backup` and puts what it holds in the place of what there is, or rejects with all as it was. */
  replace(job: string, backup: () => AsyncIterable<Uint8Array>): Promise<void>
}

export interface Restore {
  /** Restores from a claimed upload, which is consumed. Throws `bad_request` with everything as before. */
  run(upload: { readonly path: string; readonly size: number }): Promise<void>
  readonly procedure: Procedure
}

export interface RestoreOptions {
  readonly places: Places
  readonly hooks: Hooks
  readonly procedure: Procedure
  readonly server: ServerExchange
}

const Manifest = z.object({
  format: z.literal(1),
  product: z.literal('hearth-appliance'),
  version: z.string(),
  encrypted: z.literal(false),
  files: z
    .array(
      z.object({ path: z.string(), size: z.number().int().nonnegative(), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
    )
    .max(1 + configurationFiles.length),
})

const maxConfigurationBytes = 1024 ** 2

/** A completely verified archive. */
interface CheckedArchive {
  /** Where the server's data begin in the file, and how many bytes they are. */
  readonly server: { readonly start: number; readonly size: number }
  readonly configuration: ReadonlyMap<string, Buffer>
}

/** Opens the restoring. */
export function openRestore({ places, hooks, procedure, server }: RestoreOptions): Restore {
  const { log } = procedure
  return {
    procedure,
    async run({ path }) {
      const job = newJobId()
      try {
        await log.line('Validating backup archive')
        const { server: data, configuration } = await checkArchive(path)
        await reach('restore:staged')
        const before = await hooks.run('restore-pre', { job, input: {}, onLine: (line) => void log.raw(line) })
        if (before?.outcome === 'failed') throw new Problem('bad_request', before.message ?? 'The hook failed')
        await server.replace(
          job,
          () =>
            createReadStream(path, {
              start: data.start,
              end: data.start + data.size - 1,
              highWaterMark: 262_144,
            }) as AsyncIterable<Uint8Array>,
        )
        for (const [name, bytes] of configuration) await writeDurably(join(places.etc, name), bytes)
        await hooks.run('restore-post', { job, input: {}, onLine: (line) => void log.raw(line) })
        await log.line('Restore complete')
      } catch (error) {
        const refusal = asRefusal(error)
        await log.line(
          refusal === undefined ? 'Restore failed: see the log of the server' : `Restore failed: ${refusal}`,
        )
        if (refusal === undefined) throw error
        throw new Problem('bad_request', refusal, { cause: error })
      } finally {
        procedure.release()
        await rm(path, { force: true })
      }
    },
  }
}

function asRefusal(error: unknown): string | undefined {
  if (error instanceof TarError) return 'Unable to extract backup archive'
  if (error instanceof StartupError) return error.message
  if (error instanceof Problem) return error.reason
  return undefined
}

/** Reads all of an archive once and throws a TarError or a Problem at the first thing that is wrong. */
async function checkArchive(path: string): Promise<CheckedArchive> {
  const configuration = new Map<string, Buffer>()
  let manifest: z.infer<typeof Manifest> | undefined
  let server: CheckedArchive['server'] | undefined
  let at = 0
  const seen: string[] = []
  const limits = { entries: 2 + configurationFiles.length, fileBytes: 2 ** 50, totalBytes: 2 ** 50 }
  const source = createReadStream(path, { highWaterMark: 262_144 }) as AsyncIterable<Uint8Array>
  for await (const { name, type, size, body } of readTar(source, limits)) {
    if (type !== 'file') throw new TarError(`${name} is not a file`)
    if (manifest === undefined) {
      if (name !== 'manifest.json' || size > manifestBytes) throw new TarError('there is no manifest')
      manifest = parseManifest((await read(body)).toString('utf8'))
    } else {
      const listed = manifest.files.find((file) => file.path === name)
      if (listed === undefined || listed.size !== size) throw new TarError(`${name} is not in the manifest`)
      if (name !== serverEntry && size > maxConfigurationBytes) throw new TarError(`${name} is too large`)
      seen.push(name)
      const hash = createHash('sha256')
      const kept: Buffer[] = []
      for await (const chunk of body) {
        hash.update(chunk)
        if (name !== serverEntry) kept.push(Buffer.from(chunk))
      }
      if (hash.digest('hex') !== listed.sha256) throw new TarError(`${name} is not what was saved`)
      if (name === serverEntry) server = { start: at + 512, size }
      else configuration.set(name.slice('config/'.length), Buffer.concat(kept))
    }
    at += 512 + Math.ceil(size / 512) * 512
  }
  const unknown = [...configuration.keys()].find((name) => !configurationFiles.some((known) => known === name))
  if (
    unknown !== undefined ||
    manifest === undefined ||
    server === undefined ||
    seen.length !== manifest.files.length
  ) {
    throw new TarError('the archive is not whole')
  }
  return { server, configuration }
}

function parseManifest(text: string): z.infer<typeof Manifest> {
  try {
    return Manifest.parse(JSON.parse(text))
  } catch (cause) {
    throw new Problem('bad_request', 'The archive is not a backup of this product, or of a version that is not known', {
      cause,
    })
  }
}

async function read(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of body) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}
