/** `hearth import DOMAIN ARCHIVE...`: sends an export to a running server, which puts it in the place of an instance's content. */
import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import type { Command } from 'commander'
import { StartupError } from '../model/startup-error.ts'
import type { Piece } from '../move/import-upload.ts'
import { awaitJob, beginUpload, JobError, missingPieces, sendPiece, startImport } from './admin-archives.ts'
import { AdminClientError, type AdminTarget, showInstance } from './admin-client.ts'
import { adminTarget } from './admin-target.ts'
import { type ArchiveFiles, readArchiveFiles } from './archive-files.ts'
import { confirmByDomain } from './confirm.ts'
import { json, type Output } from './output.ts'
import { persist } from './persist.ts'
import { amountText, ByteProgress, bytesText, withProgress } from './progress.ts'

interface Options {
  readonly doctypes?: readonly string[]
  readonly yes?: boolean
  readonly json?: boolean
}

const mib = 1024 ** 2
/** A piece is held in memory; and a large archive must not have too many. Bytes. */
const piece = { least: 4 * mib, most: 64 * mib, count: 16 }

/** Adds `hearth import`. */
export function addImportCommand(program: Command, output: Output): void {
  program
    .command('import <domain> <file...>')
    .description('replace what an instance holds by an export; run it again to continue after a failure')
    .option('--doctypes <list>', 'the archive holds only these, separated by commas: the others stay', (text: string) =>
      text.split(','),
    )
    .option('--yes', 'do not ask')
    .option('--json', 'print what was done as JSON')
    .addHelpText(
      'after',
      '\nThe files are all zip files of one export, or the folder that hearth export has filled.\nWhen the import fails the instance is as it was.',
    )
    .action(async (domain: string, paths: readonly string[], options: Options) => {
      const archive = await readArchiveFiles(paths)
      const target = await adminTarget()
      await showInstance(target, domain)
      if (options.yes !== true) await confirm(domain)
      const sender = new Sender(target, domain, archive, options.doctypes ?? archive.doctypes)
      await sender.send()
      const job = await sender.import()
      const { filesSize } = archive
      if (options.json) {
        const parts = archive.files.map(({ path, length }) => ({ file: path, bytes: length }))
        output.out(json({ domain, job, parts, files_bytes: filesSize, sent_bytes: sender.sentBytes }))
      } else output.err(`${domain} holds what the archive holds, ${bytesText(filesSize)} of files\n`)
    })
}

function confirm(domain: string): Promise<void> {
  return confirmByDomain({
    what: `Replace all documents and files of ${domain}`,
    domain,
    otherwise: `import would replace all documents and files of ${domain}: add --yes to confirm`,
    refused: 'nothing was imported',
  })
}

class Sender {
  /** Bytes that this run has sent. */
  sentBytes = 0
  readonly #pieceBytes: number
  readonly #total: number

  readonly #target: AdminTarget
  readonly #domain: string
  readonly #archive: ArchiveFiles
  readonly #doctypes: readonly string[] | undefined

  constructor(target: AdminTarget, domain: string, archive: ArchiveFiles, doctypes: readonly string[] | undefined) {
    this.#target = target
    this.#domain = domain
    this.#archive = archive
    this.#doctypes = doctypes
    this.#total = archive.files.reduce((sum, { length }) => sum + length, 0)
    this.#pieceBytes = Math.min(piece.most, Math.max(piece.least, Math.ceil(this.#total / piece.count)))
  }

  /** Sends what the server does not have yet. */
  async send(): Promise<void> {
    const { files, size, filesSize } = this.#archive
    const order = {
      parts: files.map(({ length }) => length),
      piece_size: this.#pieceBytes,
      size,
      files_size: filesSize,
      with_doctypes: this.#doctypes,
    }
    let missing: readonly Piece[]
    try {
      missing = await persist(() => beginUpload(this.#target, this.#domain, this.#id, order))
    } catch (error) {
      // An earlier run has sent everything, and the server is at it: its end is all that is left to wait for.
      if (error instanceof AdminClientError && error.message.includes('being imported')) return
      throw error
    }
    await withProgress(
      `Sending to ${this.#domain}`,
      async (progress) => {
        const shown = new ByteProgress(progress, `Sending to ${this.#domain}`, this.#total, this.#before(missing[0]))
        const handles = new Map<number, FileHandle>()
        try {
          while (missing.length > 0) {
            for (const one of missing) {
              await this.#sendPiece(one, handles)
              shown.set(this.#before(one) + this.#lengthOf(one))
            }
            missing = await persist(() => missingPieces(this.#target, this.#domain, this.#id))
          }
        } finally {
          for (const handle of handles.values()) await handle.close()
        }
      },
      () => 'Everything is sent',
    )
  }

  /** Starts the import and waits for its end. Resolves to the id of the job. */
  async import(): Promise<string> {
    const job = await persist(() => startImport(this.#target, this.#domain, this.#id))
    try {
      await withProgress(
        `Importing into ${this.#domain}`,
        (progress) =>
          awaitJob(this.#target, this.#domain, job, ({ progress: now }) => {
            if (now) progress.say(`Importing into ${this.#domain} ${amountText(now.done, now.of, undefined)}`)
          }),
        () => 'Everything is imported',
      )
    } catch (error) {
      if (!(error instanceof JobError)) throw error
      throw new StartupError(`the import failed, and ${this.#domain} is as it was: ${error.message}`, { cause: error })
    }
    return job
  }

  /** Stands for this archive, so that another run finds what this one has sent. */
  get #id(): string {
    const { fingerprint } = this.#archive
    return createHash('sha256')
      .update(JSON.stringify([fingerprint, this.#doctypes ?? null]))
      .digest('hex')
  }

  async #sendPiece(one: Piece, handles: Map<number, FileHandle>): Promise<void> {
    const file = this.#archive.files[one.part]
    if (file === undefined) throw new AdminClientError('the server asks for a part that the archive does not have')
    let handle = handles.get(one.part)
    if (handle === undefined) {
      // One part after the other: there may be more of them than a process can have open.
      for (const former of handles.values()) await former.close()
      handles.clear()
      handle = await open(file.path)
      handles.set(one.part, handle)
    }
    const bytes = new Uint8Array(this.#lengthOf(one))
    for (let filled = 0; filled < bytes.length; ) {
      const at = one.piece * this.#pieceBytes + filled
      const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, at)
      if (bytesRead === 0) throw new StartupError(`${file.path} became shorter while it was read`)
      filled += bytesRead
    }
    await persist(() => sendPiece(this.#target, this.#domain, this.#id, one, bytes))
    this.sentBytes += bytes.length
  }

  #lengthOf({ part, piece: number }: Piece): number {
    const rest = (this.#archive.files[part]?.length ?? 0) - number * this.#pieceBytes
    return Math.max(0, Math.min(rest, this.#pieceBytes))
  }

  /** Bytes before a piece; of all when there is none. */
  #before(one: Piece | undefined): number {
    if (one === undefined) return this.#total
    const before = this.#archive.files.slice(0, one.part).reduce((sum, { length }) => sum + length, 0)
    return before + one.piece * this.#pieceBytes
  }
}
