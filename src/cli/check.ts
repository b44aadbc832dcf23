/** `hearth check ...` and `hearth fix ...`: what is wrong with an instance, and repairs, by the admin API. */
import type { Command } from 'commander'
import { StartupError } from '../model/startup-error.ts'
import { askAdmin, pathOf } from './admin-client.ts'
import { adminTarget } from './admin-target.ts'
import { json, type Output } from './output.ts'
import { showProgress } from './progress.ts'
import { type Column, printRows } from './table.ts'

type Finding = Readonly<Record<string, unknown>>

const columns: readonly Column<Finding>[] = [
  { title: 'TYPE', value: ({ type }) => String(type) },
  { title: 'DOCUMENT', value: ({ _id, id }) => String(_id ?? id ?? '') },
  {
    title: 'DETAIL',
    value: ({ type: _type, _id, id: _sharing, ...more }) =>
      Object.entries(more)
        .filter(([, value]) => typeof value !== 'object')
        .map(([name, value]) => `${name}=${String(value)}`)
        .join(' '),
  },
]

const checks = [
  ['triggers', 'find triggers that are there twice'],
  ['shared', 'find shared documents with a wrong revision tree'],
  ['sharings', 'find sharings that are set up wrongly or whose files differ from those of members on this server'],
] as const

const fixers = [
  ['password-defined', 'note whether the owner has chosen a password, where that was never noted'],
  ['orphan-account', 'delete the accounts of konnectors that are not installed'],
  ['service-triggers', 'compare the triggers of services with their applications'],
  ['indexes', 'rebuild the built-in indexes'],
  ['sharings-moved', 'write the present domain into sharings that name the former one'],
] as const

/** Adds `hearth check`. Findings make the command fail. */
export function addCheckCommands(program: Command, output: Output): void {
  const check = program.command('check').description('find what is wrong with the documents of an instance')
  for (const [name, description] of checks) {
    const command = check.command(`${name} <domain>`).description(description).option('--json', 'print it as JSON')
    if (name === 'sharings') command.option('--fast', 'leave out the comparison of files')
    command.action(async (domain: string, options: { json?: boolean; fast?: boolean }) => {
      const progress = showProgress(`Checking ${name} of ${domain}`)
      const query = options.fast ? { SkipFSConsistency: 'true' } : {}
      const answer = await askAdmin(await adminTarget(), 'POST', `${pathOf(domain)}/checks/${name}`, { query })
      const found = (await answer.json()) as readonly Finding[]
      progress.end(found.length === 0 ? 'Nothing is wrong' : `${found.length} found`)
      if (options.json) output.out(json(found))
      else if (found.length > 0) printRows(output, found, columns)
      if (found.length > 0) throw new StartupError(`${found.length} found in ${domain}`)
    })
  }
}

/** Adds `hearth fix`. */
export function addFixCommands(program: Command, output: Output): void {
  const fix = program.command('fix').description('repair what is wrong with an instance')
  fix
    .command('content-mismatch <domain>')
    .description('repair files that lost the end of their content; shows what would be done unless --apply is given')
    .option('--apply', 'do it')
    .option('--json', 'print it as JSON')
    .action(async (domain: string, options: { apply?: boolean; json?: boolean }) => {
      const progress = showProgress(`Looking at the files of ${domain}`)
      const body = { dry_run: options.apply !== true }
      const answer = await askAdmin(await adminTarget(), 'POST', `${pathOf(domain)}/fixers/content-mismatch`, { body })
      const done = (await answer.json()) as Readonly<Record<'updated' | 'removed', readonly { filepath: string }[]>>
      progress.end(`${done.updated.length} shortened, ${done.removed.length} removed`)
      if (options.json) {
        output.out(json(done))
        return
      }
      const word = options.apply ? '' : 'would be '
      for (const { filepath } of done.updated) output.out(`${word}shortened ${filepath}\n`)
      for (const { filepath } of done.removed) output.out(`${word}removed ${filepath}\n`)
    })
  for (const [name, description] of fixers) {
    fix
      .command(`${name} <domain>`)
      .description(description)
      .action(async (domain: string) => {
        await askAdmin(await adminTarget(), 'POST', `${pathOf(domain)}/fixers/${name}`)
        output.err(`done ${name} on ${domain}\n`)
      })
  }
}
