/** `hearth backup FILE` and `hearth restore FILE`. */
import { stat } from 'node:fs/promises'
import type { Command } from 'commander'
import type { ObjectStore } from '../../storage/objects/contract.ts'
import { readPostgres } from '../../storage/postgres/backup.ts'
import { schemaVersion } from '../../storage/postgres/migrate.ts'
import { fillPostgres } from '../../storage/postgres/restore.ts'
import { withExistingDatabase, withOwnDatabase } from '../backup/database.ts'
import { readBackupFile, saveFile } from '../backup/file.ts'
import type { Manifest } from '../backup/format.ts'
import { restoreBackup } from '../backup/restore.ts'
import { writeBackup } from '../backup/write.ts'
import type { Config } from '../config/settings.ts'
import { type Log, openLog } from '../log.ts'
import { Problem } from '../model/errors.ts'
import { StartupError } from '../model/startup-error.ts'
import { openObjects } from '../objects.ts'
import { findKey, keyFileOf, readKeyFile, writeKeyFile } from '../secrets/key.ts'
import type { Output } from './output.ts'
import { ByteProgress, type Progress, withProgress } from './progress.ts'
import { addSettingsOptions, loadFromOptions } from './settings-options.ts'

/** Adds `hearth backup` and `hearth restore`. */
export function addBackupCommands(program: Command, output: Output): void {
  addSettingsOptions(
    program
      .command('backup')
      .description(
        'save the whole server into one file, also while it runs, and the key of its secrets into <file>.key',
      )
      .argument('<file>', 'where to; - is standard output')
      .option('--force', 'overwrite the file if it exists'),
  ).action(async (file: string, options: { force?: boolean }, command: Command) => {
    const { config } = loadFromOptions(command)
    const log = commandLog(config, output)
    const work = (progress: Progress) =>
      interruptible((signal) =>
        saveFile(file, { force: options.force === true }, (destination) =>
          withExistingDatabase(config, log, (target) =>
            readPostgres(target, (snapshot) =>
              withObjects(config, log, (objects) =>
                writeBackup(snapshot, objects, (bytes) =>
                  destination(until(signal, bytes, new ByteProgress(progress, 'Saving', undefined))),
                ),
              ),
            ),
          ),
        ),
      )
    const manifest = await withProgress('Saving', work, () => 'Everything is saved')
    output.err(`saved ${summary(manifest)} in ${file === '-' ? 'standard output' : file}\n`)
    output.err(await saveKey(config, file))
  })

  addSettingsOptions(
    program
      .command('restore')
      .description('read a backup into an empty data directory or database; it overwrites nothing')
      .argument('<file>', 'a file made by hearth backup; - is standard input'),
  ).action(async (file: string, _options: unknown, command: Command) => {
    const { config } = loadFromOptions(command)
    const log = commandLog(config, output)
    const size = file === '-' ? undefined : (await stat(file).catch(() => undefined))?.size
    const work = (progress: Progress) =>
      interruptible((signal) =>
        restoreBackup(until(signal, readBackupFile(file), new ByteProgress(progress, 'Restoring', size)), {
          schema: schemaVersion,
          fill: (lastDatabase, fill) =>
            withOwnDatabase(config, log, (target) => fillPostgres(target, lastDatabase, fill)),
          fillObjects: (fill) => withObjects(config, log, fill),
        }),
      )
    const manifest = await withProgress('Restoring', work, () => 'Everything is restored')
    output.err(`restored ${summary(manifest)}, saved ${manifest.created_at} by Hearth ${manifest.hearth}\n`)
    output.err(await restoreKey(config, file))
  })
}

/** The key goes into a file of its own, never into the backup: who finds one of them can read no secret. */
async function saveKey(config: Config, file: string): Promise<string> {
  const key = await findKey(config)
  if (key === undefined) return ''
  if (file === '-') return 'the key of the secrets is not in it: keep a copy of it too\n'
  await writeKeyFile(`${file}.key`, key)
  return `saved the key of the secrets in ${file}.key; keep it apart from the backup\n`
}

/** Puts the key where the server looks for it, unless one is configured or lies there already. */
async function restoreKey(config: Config, file: string): Promise<string> {
  if ((await findKey(config)) !== undefined) return ''
  const place = keyFileOf(config.data_dir)
  const key = file === '-' ? undefined : await readKeyFile(`${file}.key`)
  if (key === undefined) return `the key of the secrets is missing: put it at ${place} before starting the server\n`
  await writeKeyFile(place, key)
  return `restored the key of the secrets from ${file}.key\n`
}

async function withObjects<T>(config: Config, log: Log, work: (objects: ObjectStore) => Promise<T>): Promise<T> {
  const objects = await openObjects(config, log)
  try {
    await objects.ping()
    return await work(objects)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    throw new StartupError(`The object store cannot be used: ${error.reason}`, { cause: error })
  } finally {
    await objects.close()
  }
}

/** What a server tells its operator is too much for a command. */
function commandLog({ log }: Config, output: Output): Log {
  const level = log.level === 'info' ? 'warning' : log.level
  return openLog({ ...log, level, terminal: process.stderr.isTTY === true, write: (line) => output.err(line) })
}

function summary({ databases, tables, postgres }: Manifest): string {
  const rows = (name: string) => tables.find((table) => table.name === name)?.rows ?? 0
  const deleted = databases.reduce((sum, one) => sum + Number(one.deleted_count), 0)
  const revisions = rows('docs') + rows('revs')
  return `${databases.length} databases, ${rows('docs')} documents (${deleted} deleted), ${revisions} revisions of PostgreSQL ${postgres}`
}

/** The first SIGINT or SIGTERM lets `work` clean up; a second one ends the process at once. */
async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController()
  const onSignal = (name: string) => {
    if (stop.signal.aborted) process.exit(1)
    stop.abort(new StartupError(`Stopped by ${name}: nothing was kept.`))
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  try {
    return await work(stop.signal)
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
  }
}

async function* until(
  signal: AbortSignal,
  chunks: AsyncIterable<Uint8Array>,
  shown: ByteProgress,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    signal.throwIfAborted()
    const { length } = chunk
    yield chunk
    shown.add(length)
  }
}
