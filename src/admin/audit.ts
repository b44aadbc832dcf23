/**
 * Who changed what through the admin API: one line for each request that changes something, and for each that was refused for
 * its passphrase. Lines hold names, never values: passphrases and codes travel in the same parameters.
 */
import { appendFile } from 'node:fs/promises'
import type { Log } from '../log.ts'
import { StartupError } from '../model/startup-error.ts'

export interface AuditEntry {
  /** Of the client. */
  readonly address: string
  readonly method: string
  /** The route's pattern. */
  readonly route: string
  /** The domain that the request is about. */
  readonly instance?: string | undefined
  /** Names of the query's parameters. */
  readonly parameters: readonly string[]
  readonly status: number
}

export interface Audit {
  record(entry: AuditEntry): void
  /** Resolves when everything is in the file. */
  close(): Promise<void>
}

export interface AuditOptions {
  readonly log: Log
  /** Lines of JSON are appended to it; only its owner can read it. */
  readonly file?: string | undefined
}

/** @throws StartupError when the file cannot be written */
export async function openAudit({ log, file }: AuditOptions): Promise<Audit> {
  let queue: Promise<void> = Promise.resolve()
  if (file !== undefined) {
    await appendFile(file, '', { mode: 0o600 }).catch((cause: unknown) => {
      throw new StartupError(`admin.audit_file: ${file} cannot be written`, { cause })
    })
  }
  return {
    record(entry) {
      const outcome = entry.status < 400 ? 'done' : entry.status < 500 ? 'refused' : 'failed'
      const line = { ...entry, outcome }
      log.info('admin request', line)
      if (file === undefined) return
      const text = `${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`
      queue = queue
        .then(() => appendFile(file, text, { mode: 0o600 }))
        .catch((error: unknown) => log.error('the audit file cannot be written', { error }))
    },
    close: () => queue,
  }
}
