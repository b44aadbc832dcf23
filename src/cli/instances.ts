/** `hearth instances ...`: administration of instances through the admin API of a running server. */
import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import { StartupError } from '../model/startup-error.ts'
import * as admin from './admin-client.ts'
import { adminTarget } from './admin-target.ts'
import { json, type Output } from './output.ts'

/** What `add` and `modify` can set: option, the admin API's name, help. */
const members = [
  ['email', 'Email', 'mail address of the owner'],
  ['publicName', 'PublicName', 'name of the owner as others see it'],
  ['locale', 'Locale', 'language, such as en or fr'],
  ['timezone', 'Timezone', 'time zone, such as Europe/Paris'],
  ['phone', 'Phone', 'telephone number of the owner'],
  ['aliases', 'DomainAliases', 'other domains of the instance, separated by commas'],
  ['context', 'ContextName', 'name of a context'],
  ['diskQuota', 'DiskQuota', 'bytes that the instance may use'],
] as const

type MemberOptions = Readonly<Partial<Record<(typeof members)[number][0], string>>>

/** Adds the `instances` commands. */
export function addInstanceCommands(program: Command, output: Output): void {
  const instances = program
    .command('instances')
    .description('add, list, show, change and remove instances on a running server')
    .addHelpText(
      'after',
      '\nHEARTH_ADMIN_URL says where the admin API is (default: the server on the data directory, else http://localhost:6060),\nHEARTH_ADMIN_PASSPHRASE holds its passphrase.',
    )

  withMembers(instances.command('add <domain>').description('create an instance'))
    .option('--json', 'print it as JSON')
    .action(async (domain: string, options: MemberOptions & { json?: boolean }) => {
      const made = await admin.addInstance(await adminTarget(), domain, parametersOf(options))
      output.out(options.json ? json(made) : `${made.domain}\n`)
    })

  instances
    .command('ls')
    .description('list the domains of all instances')
    .option('--json', 'print whole instances as JSON')
    .action(async (options: { json?: boolean }) => {
      const all = await admin.listInstances(await adminTarget())
      output.out(options.json ? json(all) : all.map(({ domain }) => `${domain}\n`).join(''))
    })

  instances
    .command('show <domain>')
    .description('print an instance as JSON')
    .action(async (domain: string) => output.out(json(await admin.showInstance(await adminTarget(), domain))))

  withMembers(instances.command('modify <domain>').description('change an instance')).action(
    async (domain: string, options: MemberOptions) => {
      const changed = await admin.modifyInstance(await adminTarget(), domain, parametersOf(options))
      // The answer holds secrets: only its name is printed.
      output.out(`${changed.domain}\n`)
    },
  )

  instances
    .command('rm <domain>')
    .description('remove an instance with all its data')
    .option('--yes', 'do not ask')
    .action(async (domain: string, options: { yes?: boolean }) => {
      const target = await adminTarget()
      if (!options.yes) await confirm(domain)
      await admin.removeInstance(target, domain)
      output.err(`removed ${domain}\n`)
    })

  instances
    .command('token-cli <domain> <scope...>')
    .description('print a token for the public API; scopes such as io.cozy.notes:GET, or * for everything')
    .option('--expire <span>', 'life of the token such as 10m or 24h (default: token.cli_lifetime)')
    .action(async (domain: string, scopes: string[], { expire }: { expire?: string }) => {
      output.out(`${await admin.mintCliToken(await adminTarget(), { domain, scopes, expire })}\n`)
    })
}

function withMembers(command: Command): Command {
  for (const [name, , help] of members) {
    command.option(`--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} <value>`, help)
  }
  return command
}

function parametersOf(options: MemberOptions): admin.AdminParameters {
  return Object.fromEntries(members.map(([name, parameter]) => [parameter, options[name]]))
}

async function confirm(domain: string): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new StartupError(`rm would delete ${domain} with all its documents and files: say --yes if that is wanted`)
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const typed = await terminal.question(`Delete ${domain} with all its documents and files? Type its domain: `)
    if (typed.trim() !== domain) throw new StartupError('nothing was deleted')
  } finally {
    terminal.close()
  }
}
