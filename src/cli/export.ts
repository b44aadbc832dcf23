/** `hearth export DOMAIN -o DIR`: has a running server make an archive of an instance, and downloads it. */
import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { readDirectory } from '../archive/zip-directory.ts'
import { openZipFile } from '../archive/zip-source.ts'
import { onFile } from '../backup/file.ts'
import { bytes } from '../config/values.ts'
import { Problem } from '../model/errors.ts'
import { StartupError } from '../model/startup-error.ts'
import {
  awaitJob,
  type ExportWish,
  fetchPart,
  listExports,
  orderExport,
  type ShownExport,
  showJob,
} from './admin-archives.ts'
import { AdminClientError, type AdminTarget } from './admin-client.ts'
import { adminTarget } from './admin-target.ts'
import {
  type DescribedPart,
  descriptionPath,
  type ExportDescription,
  fileNameOf,
  isComplete,
  makeFolder,
  partialEnding,
  readDescription,
  removeParts,
  requireSpace,
  sizeOf,
  syncFolder,
  writeDescription,
} from './export-folder.ts'
import { json, type Output } from './output.ts'
import { persist } from './persist.ts'
import { amountText, ByteProgress, bytesText, withProgress } from './progress.ts'

interface Options extends ExportWish {
  readonly output: string
  readonly new?: boolean
  readonly json?: boolean
}

/** Adds `hearth export`. */
export function addExportCommand(program: Command, output: Output): void {
  program
    .command('export <domain>')
    .description('download everything that an instance holds, as zip files; run it again to continue after a failure')
    .requiredOption('-o, --output <dir>', 'the folder for them')
    .option('--parts-size <size>', 'begin another file after this many bytes; at least export.min_part_size', sizeText)
    .option('--doctypes <list>', 'only these doctypes, separated by commas', (text: string) => text.split(','))
    .option('--new', 'make a new archive, whatever is in the folder')
    .option('--json', 'print what was downloaded as JSON')
    .action(async (domain: string, options: Options) => {
      const download = new Download(await adminTarget(), domain, options)
      const { description, fetched } = await download.run()
      const total = description.parts.reduce((sum, { length }) => sum + length, 0)
      if (options.json) {
        const parts = description.parts.map(({ file, length }) => ({
          file: join(options.output, file),
          bytes: length,
          fetched: fetched.get(file) ?? 0,
        }))
        output.out(json({ domain, export: description.export, created_at: description.created_at, parts }))
        return
      }
      for (const { file } of description.parts) output.out(`${join(options.output, file)}\n`)
      const files = description.parts.length === 1 ? 'one file' : `${description.parts.length} files`
      output.err(`${domain} is in ${files} of ${bytesText(total)}, made ${description.created_at}\n`)
    })
}

class Download {
  readonly #path: string
  /** Bytes fetched by this run, by file. */
  readonly #fetched = new Map<string, number>()

  readonly #target: AdminTarget
  readonly #domain: string
  readonly #options: Options

  constructor(target: AdminTarget, domain: string, options: Options) {
    this.#target = target
    this.#domain = domain
    this.#options = options
    this.#path = descriptionPath(options.output, domain)
  }

  async run(): Promise<{ readonly description: ExportDescription; readonly fetched: ReadonlyMap<string, number> }> {
    await makeFolder(this.#options.output)
    const known = await readDescription(this.#path)
    const description = (known && (await this.#goesOn(known))) ?? (await this.#begin(known))
    await this.#fetch(description)
    return { description, fetched: this.#fetched }
  }

  /** The export that the folder is about, if it is complete or can be completed. */
  async #goesOn(known: ExportDescription): Promise<ExportDescription | undefined> {
    const { output, new: isNew } = this.#options
    if (isNew) return undefined
    const complete = await Promise.all(known.parts.map((part) => isComplete(output, part)))
    if (known.parts.length > 0 && complete.every(Boolean)) return known
    const made = await this.#made(known.job)
    return made && this.#describe(known, made)
  }

  /** What was downloaded before stays until there is something in its place. */
  async #begin(known: ExportDescription | undefined): Promise<ExportDescription> {
    const job = await orderExport(this.#target, this.#domain, this.#options)
    const former = known === undefined ? [] : [...known.former, ...known.parts]
    const description = { domain: this.#domain, job, parts: [], former }
    await writeDescription(this.#path, description)
    const made = await this.#made(job)
    if (made === undefined) throw new AdminClientError('the server no longer has the archive: begin again')
    return this.#describe(description, made)
  }

  /** The export that a job has made, as soon as it has; `undefined` when there is nothing to wait for. */
  async #made(job: string): Promise<ShownExport | undefined> {
    const find = async () => {
      const exports = await persist(() => listExports(this.#target, this.#domain))
      return exports.find((one) => one.job === job && one.parts.length > 0)
    }
    const found = await find()
    if (found !== undefined) return found
    const state = (await showJob(this.#target, this.#domain, job))?.state
    if (state !== 'queued' && state !== 'running') return undefined
    await withProgress(
      `Making an archive of ${this.#domain}`,
      (progress) =>
        awaitJob(this.#target, this.#domain, job, ({ progress: now }) => {
          if (now) progress.say(`Making an archive of ${this.#domain} ${amountText(now.done, now.of, undefined)}`)
        }),
      () => 'The archive is made',
    )
    return find()
  }

  async #describe(known: ExportDescription, made: ShownExport): Promise<ExportDescription> {
    const parts: DescribedPart[] = made.parts.map(({ length, etag, cursor }, number) => ({
      file: fileNameOf(this.#domain, number, made.parts.length),
      length,
      etag,
      ...(cursor === undefined ? {} : { cursor }),
    }))
    // After an update the server may pack the same contents otherwise: what was fetched before does not fit.
    const changed = [...known.former, ...known.parts].filter(
      ({ file, etag }) => !parts.some((part) => part.file === file && part.etag === etag),
    )
    await removeParts(this.#options.output, { parts: changed })
    const description: ExportDescription = {
      domain: this.#domain,
      job: known.job,
      export: made.id,
      created_at: made.createdAt,
      expires_at: made.expiresAt,
      ...(made.filesSize === undefined ? {} : { files_size: made.filesSize }),
      ...(made.doctypes === undefined ? {} : { with_doctypes: [...made.doctypes] }),
      parts,
      former: [],
    }
    await writeDescription(this.#path, description)
    return description
  }

  async #fetch({ parts, export: id = '' }: ExportDescription): Promise<void> {
    const { output } = this.#options
    const missing: DescribedPart[] = []
    let [total, there] = [0, 0]
    for (const part of parts) {
      total += part.length
      if (await isComplete(output, part)) {
        there += part.length
      } else {
        missing.push(part)
        there += Math.min(part.length, await sizeOf(join(output, part.file + partialEnding)))
      }
    }
    if (missing.length === 0) return
    await requireSpace(output, total - there)
    await withProgress(
      `Downloading ${this.#domain}`,
      async (progress) => {
        const shown = new ByteProgress(progress, `Downloading ${this.#domain}`, total, there)
        for (const part of missing) await this.#fetchPart(id, part, (bytes) => shown.add(bytes))
      },
      () => 'Everything is downloaded',
    )
  }

  /** From where the last run ended. The file gets its name when all of it is on disk. */
  async #fetchPart(id: string, part: DescribedPart, onBytes: (bytes: number) => void): Promise<void> {
    const path = join(this.#options.output, part.file)
    const draft = path + partialEnding
    const there = await sizeOf(draft)
    const handle = await onFile(draft, () => open(draft, there > 0 ? 'r+' : 'w+', 0o600))
    try {
      let at = (await handle.stat()).size
      if (at > part.length) at = 0
      await persist(
        async () => {
          if (at === part.length) return
          const answer = await fetchPart(this.#target, this.#domain, id, part, at)
          if (answer.headers.get('etag') !== part.etag) {
            await answer.body?.cancel()
            throw new StartupError('the server now packs the archive differently: run the command again')
          }
          if (answer.status !== 206) {
            onBytes(-at)
            at = 0
            await onFile(draft, () => handle.truncate(0))
          }
          for await (const chunk of received(answer)) {
            await onFile(draft, async () => {
              for (let done = 0; done < chunk.length; ) {
                done += (await handle.write(chunk, done, chunk.length - done, at + done)).bytesWritten
              }
            })
            at += chunk.length
            this.#fetched.set(part.file, (this.#fetched.get(part.file) ?? 0) + chunk.length)
            onBytes(chunk.length)
          }
          if (at < part.length)
            throw new AdminClientError('the server broke off the download: run the command again to continue it')
        },
        () => at,
      )
      await onFile(draft, async () => {
        await handle.truncate(part.length)
        await handle.sync()
      })
    } finally {
      await handle.close()
    }
    await requireZip(draft, part.file)
    await onFile(path, async () => {
      await rename(draft, path)
      await syncFolder(this.#options.output)
    })
  }
}

/** The bytes of an answer; a connection that breaks counts as no answer. */
async function* received(answer: Response): AsyncGenerator<Uint8Array> {
  try {
    yield* (answer.body ?? []) as AsyncIterable<Uint8Array>
  } catch (cause) {
    throw new AdminClientError(
      'the connection to the server broke off the download: run the command again to continue it',
      undefined,
      {
        cause,
      },
    )
  }
}

/** Every zip ends with its directory: where it cannot be read something is wrong with the file. */
async function requireZip(path: string, name: string): Promise<void> {
  const source = await openZipFile(path)
  try {
    await readDirectory(source, Number.POSITIVE_INFINITY)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    await rm(path, { force: true })
    throw new StartupError(`${name} did not arrive as a zip file: run the command again`, { cause: error })
  } finally {
    await source.close()
  }
}

function sizeText(text: string): number {
  const parsed = bytes(1, Number.MAX_SAFE_INTEGER).safeParse(text)
  if (parsed.success) return parsed.data
  throw new InvalidArgumentError('It is a size such as 500MB or 2GiB.')
}
