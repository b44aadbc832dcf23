/** `hearth instances ...`: administration of instances through the admin API of a running server. */
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { StartupError } from '../model/startup-error.ts'
import * as admin from './admin-client.ts'
import { adminTarget } from './admin-target.ts'
import { confirmByDomain } from './confirm.ts'
import { addFsckCommand } from './fsck.ts'
import { json, type Output } from './output.ts'
import { showProgress } from './progress.ts'
import { type Column, printRows } from './table.ts'

/** What `add` and `modify` can set: option, the admin API's name, help. */
const members = [
  ['email', 'Email', 'mail address of the owner'],
  ['publicName', 'PublicName', 'name of the owner as others see it'],
  ['locale', 'Locale', 'language, such as en or fr'],
  ['timezone', 'Timezone', 'time zone, such as Europe/Paris'],
  ['phone', 'Phone', 'telephone number of the owner'],
  ['aliases', 'DomainAliases', 'other domains of the instance, separated by commas'],
  ['context', 'ContextName', 'name of a context'],
  ['diskQuota', 'DiskQuota', 'bytes that the instance may use, -1 for no limit'],
  ['uuid', 'UUID', 'id at the account manager'],
  ['oidcId', 'OIDCID', 'id at the identity provider'],
  ['oldDomain', 'OldDomain', 'domain that the instance had before; its visitors are sent on'],
  ['tosSigned', 'TOSSigned', 'signed version of the terms, A.B.C-YYYYMMDD'],
  ['tosLatest', 'TOSLatest', 'latest version of the terms, A.B.C-YYYYMMDD'],
  ['settings', 'Settings', 'key:value pairs for the settings document, separated by commas'],
  ['magicLink', 'MagicLink', 'true or false: the owner logs in by mailed links'],
] as const

/** What only `add` can set. */
const creation = [
  ['authMode', 'AuthMode', 'basic, two_factor_mail or two_factor_oidc'],
  ['orgDomain', 'OrgDomain', 'domain of the organisation'],
  ['orgId', 'OrgID', 'id of the organisation'],
  ['apps', 'Apps', 'slugs of applications, separated by commas'],
] as const

/** What only `modify` can set. */
const modification = [
  ['blocked', 'Blocked', 'true or false: nobody may use the instance'],
  ['blockingReason', 'BlockingReason', 'LOGIN_FAILED, PAYMENT_FAILED, IMPORTING, MOVING, UNKNOWN or any other text'],
  ['onboardingFinished', 'OnboardingFinished', 'true or false: the owner has chosen a passphrase'],
  ['deleting', 'Deleting', 'true or false: the mark of a deletion; nothing else is changed with it'],
  ['fromCloudery', 'FromCloudery', 'true: the account manager need not be told'],
] as const

type Member = readonly [option: string, parameter: string, help: string]

type MemberOptions = Readonly<Record<string, string | boolean | undefined>>

/** Adds the `instances` commands. */
export function addInstanceCommands(program: Command, output: Output): void {
  const instances = program
    .command('instances')
    .description('add, list, show, change and remove instances on a running server')
    .addHelpText(
      'after',
      '\nHEARTH_ADMIN_URL says where the admin API is (default: the server on the data directory, else http://localhost:6060),\nHEARTH_ADMIN_PASSPHRASE holds its passphrase.',
    )

  withMembers(instances.command('add <domain>').description('create an instance'), [...members, ...creation])
    .option('--passphrase-file <file>', 'file with the passphrase of the owner in its first line; - is standard input')
    .option('--json', 'print it as JSON')
    .action(async (domain: string, options: MemberOptions) => {
      const file = options['passphraseFile']
      const passphrase = typeof file === 'string' ? { Passphrase: firstLine(file) } : {}
      const parameters = { ...parametersOf(options, [...members, ...creation]), ...passphrase }
      const made = await admin.addInstance(await adminTarget(), domain, parameters)
      output.out(options['json'] ? json(made) : `${made.domain}\n`)
    })

  instances
    .command('ls')
    .description('list all instances: a table on a terminal, else a domain on each line')
    .option('--json', 'print whole instances as JSON')
    .action(async (options: { json?: boolean }) => {
      const progress = showProgress('Listing instances')
      const all = await admin.listInstances(await adminTarget(), (count) => progress.say(`${count} instances`))
      progress.end(`${all.length} instances`)
      if (options.json) output.out(json(all))
      else printRows(output, all, listed)
    })

  instances
    .command('count')
    .description('print how many instances there are')
    .action(async () => output.out(`${await admin.countInstances(await adminTarget())}\n`))

  instances
    .command('show <domain>')
    .description('print an instance as JSON')
    .action(async (domain: string) => output.out(json(await admin.showInstance(await adminTarget(), domain))))

  withMembers(instances.command('modify <domain>').description('change an instance'), [
    ...members,
    ...modification,
  ]).action(async (domain: string, options: MemberOptions) => {
    const parameters = parametersOf(options, [...members, ...modification])
    const changed = await admin.modifyInstance(await adminTarget(), domain, parameters)
    // The answer holds secrets: only its name is printed.
    output.out(`${changed.domain}\n`)
  })

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

  instances
    .command('token-oauth <domain> <client-id> <scope...>')
    .description('print an access token of an OAuth client')
    .option('--expire <span>', 'life of the token such as 10m or 24h (default: 7 days)')
    .action(async (domain: string, client: string, scopes: string[], { expire }: { expire?: string }) => {
      output.out(`${await admin.mintClientToken(await adminTarget(), { domain, client, scopes, expire })}\n`)
    })

  instances
    .command('client-oauth <domain> <redirect-uri> <name> <software-id>')
    .description('make an OAuth client and print its id; its secret is shown with --json only')
    .option('--json', 'print the whole client as JSON')
    .action(async (Domain: string, uri: string, name: string, software: string, options: { json?: boolean }) => {
      const query = { Domain, RedirectURI: uri, ClientName: name, SoftwareID: software, AllowLoginScope: 'false' }
      const answer = await admin.askAdmin(await adminTarget(), 'POST', '/instances/oauth_client', { query })
      const client = (await answer.json()) as { readonly client_id: string }
      output.out(options.json ? json(client) : `${client.client_id}\n`)
    })

  addFsckCommand(instances, output)
}

const listed: readonly Column<admin.ShownInstance>[] = [
  { title: 'DOMAIN', value: ({ domain }) => domain },
  { title: 'LOCALE', value: ({ attributes }) => String(attributes['locale'] ?? '') },
  { title: 'CONTEXT', value: ({ attributes }) => String(attributes['context'] ?? '') },
  { title: 'QUOTA', value: ({ attributes }) => String(attributes['disk_quota'] ?? '') },
  { title: 'STATE', value: ({ attributes }) => stateOf(attributes) },
]

function stateOf(attributes: admin.ShownInstance['attributes']): string {
  if (attributes['deleting'] === true) return 'being deleted'
  if (attributes['moved'] === true) return 'moved'
  if (attributes['blocked'] === true) return `blocked ${String(attributes['blocking_reason'] ?? '')}`.trimEnd()
  return attributes['onboarding_finished'] === true ? 'ready' : 'waits for its owner'
}

function firstLine(file: string): string {
  const [line = ''] = readFileSync(file === '-' ? 0 : file, 'utf8').split('\n')
  if (line === '') throw new StartupError(`${file} has no passphrase in its first line`)
  return line
}

function withMembers(command: Command, members: readonly Member[]): Command {
  for (const [name, , help] of members) {
    command.option(`--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} <value>`, help)
  }
  return command
}

function parametersOf(options: MemberOptions, members: readonly Member[]): admin.AdminParameters {
  const pairs = members.map(([name, parameter]): [string, string | undefined] => {
    const value = options[name]
    return [parameter, typeof value === 'string' ? value : undefined]
  })
  return Object.fromEntries(pairs)
}

function confirm(domain: string): Promise<void> {
  return confirmByDomain({
    what: `Delete ${domain} with all its documents and files`,
    domain,
    otherwise: `rm would delete ${domain} with all its documents and files: add --yes to confirm`,
    refused: 'nothing was deleted',
  })
}
