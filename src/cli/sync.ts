/** `hearth sync ...`: what the entries of a running server are doing. */
import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import type { Command } from 'commander'
import { loadProcessConfig } from '../config.ts'
import { readListenersFile } from '../listeners-file.ts'
import { StartupError } from '../model/startup-error.ts'
import { syncTokenPath } from '../sync/access.ts'
import type { EngineStatus, Plan } from '../sync/commands.ts'
import { json, type Output } from './output.ts'

interface Options {
  readonly json?: boolean
  readonly follow?: boolean
}

/** Milliseconds between two looks at running transfers. */
const followMs = 1_000

/** Adds `hearth sync`. The commands speak to the server that runs on this machine's data directory. */
export function addSyncCommands(program: Command, output: Output): void {
  const sync = program.command('sync').description('look at the synchronisation of a server that runs on this machine')
  const add = (name: string, description: string, action: (options: Options) => Promise<void>) =>
    sync
      .command(name)
      .description(description)
      .option('--json', 'print what the API answers')
      .action((options: Options) => action(options))

  add('status', 'what every entry is doing, and the progress of its transfers', async (options) => {
    for (;;) {
      const status = (await ask('/api/v1.1/status')) as EngineStatus
      output.out(options.json ? json(status) : statusText(status))
      const isDone = status.transfers.length === 0 && status.entries.every(({ waiting, blocked }) => waiting <= blocked)
      if (!options.follow || isDone) return
      await pause(followMs)
    }
  }).option('--follow', 'repeat every second until nothing is left to do')

  add('entries', 'the entries and their options', async (options) => {
    const { entries } = (await ask('/api/v1.0/entries')) as {
      entries: { name: string; driver: string; options: object }[]
    }
    const rows = entries.map(({ name, driver, options: settings }) => [name, driver, JSON.stringify(settings)])
    output.out(options.json ? json({ entries }) : table(['entry', 'driver', 'options'], rows))
  })

  add('rules', 'the rules that were put last', async (options) => {
    const set = (await ask('/api/v1.0/rules')) as { rules: { match: object; sync: string[]; ban?: string[] }[] }
    const rows = set.rules.map(({ match, sync, ban = [] }) => [JSON.stringify(match), sync.join(', '), ban.join(', ')])
    output.out(options.json ? json(set) : table(['match', 'sync', 'ban'], rows))
  })

  add('conflicts', 'copies that were made because two files had the same name', async (options) => {
    const found = (await ask('/api/v1.1/conflicts?limit=1000')) as {
      conflicts: { fid: string; filename: string; size: number }[]
    }
    const rows = found.conflicts.map(({ fid, filename, size }) => [fid, `${size}`, filename])
    output.out(options.json ? json(found) : table(['id', 'bytes', 'file'], rows))
  })

  add('plan', 'what reloading the rules would do; nothing is done', async (options) => {
    const { plan } = (await ask('/api/v1.0/rules/reload?dry_run=1', 'PUT')) as { plan: Plan }
    output.out(options.json ? json(plan) : planText(plan))
  })
}

async function ask(path: string, method = 'GET'): Promise<unknown> {
  const { config } = loadProcessConfig()
  const url = (await readListenersFile(config.data_dir))?.sync?.url
  if (url === undefined)
    throw new StartupError(`no server runs on ${config.data_dir}, or its sync listener is turned off`)
  const token = await readFile(syncTokenPath(config.data_dir), 'utf8').catch((cause: unknown) => {
    throw new StartupError('the token of the sync API cannot be read; run this as the user that runs the server', {
      cause,
    })
  })
  const headers = { authorization: `Bearer ${token.trim()}` }
  const response = await fetch(url + path, { method, headers }).catch((cause: unknown) => {
    throw new StartupError(`the server at ${url} does not answer`, { cause })
  })
  const body = (await response.json()) as { reason?: string }
  if (!response.ok) throw new StartupError(body.reason ?? `the server answered ${response.status}`)
  return body
}

function statusText({ entries, transfers }: EngineStatus): string {
  const rows = entries.map(({ name, driver, state, held, waiting, blocked, trouble }) => [
    name,
    driver,
    state,
    `${held}`,
    `${waiting}`,
    `${blocked}`,
    trouble,
  ])
  const running = transfers.map(({ entry, filename, done, total }) => [
    entry,
    percentOf(done, total),
    `${total}`,
    filename,
  ])
  const text = table(['entry', 'driver', 'state', 'files', 'waiting', 'blocked', 'trouble'], rows)
  return running.length === 0 ? text : `${text}\n${table(['to', 'done', 'bytes', 'file'], running)}`
}

function percentOf(done: number, total: number): string {
  return total === 0 ? '100 %' : `${Math.floor((done / total) * 100)} %`
}

function planText({ copies, bytes, releases, trashes, samples }: Plan): string {
  const rows = samples.map(({ filename, gains, loses }) => [filename, gains.join(', '), loses.join(', ')])
  const kept = `${releases} copies would no longer be followed, and stay where they are`
  const head = `${copies} copies of ${bytes} bytes; ${kept}; ${trashes} would go to the trash\n`
  return rows.length === 0 ? head : `${head}\n${table(['file', 'comes to', 'leaves'], rows)}`
}

/** Columns as wide as their widest value. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows]
  const widths = head.map((_, at) => Math.max(...all.map((row) => (row[at] ?? '').length)))
  return all
    .map(
      (row) =>
        `${row
          .map((cell, at) => cell.padEnd(widths[at] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}
