/** `hearth config ...`: look at the configuration, check it, make a passphrase file. */
import type { Command } from 'commander'
import { configJson, configReference, showConfig } from '../config/show.ts'
import { json, type Output } from './output.ts'
import { writePassphraseFile } from './passphrase-file.ts'
import { addSettingsOptions, loadFromOptions } from './settings-options.ts'

/** Adds the `config` commands. */
export function addConfigCommands(program: Command, output: Output): void {
  const config = program.command('config').description('show, check and prepare the configuration')

  addSettingsOptions(config.command('show').description('print every setting with its value and where it comes from'))
    .option('--json', 'as JSON: {name: {value, origin}}')
    .action((options: { json?: boolean }, command: Command) => {
      const { values, warnings } = loadFromOptions(command)
      warn(output, warnings)
      output.out(options.json ? json(configJson(values)) : showConfig(values))
    })

  addSettingsOptions(
    config.command('check').description('say what is wrong with the configuration, if anything'),
  ).action((_options: unknown, command: Command) => {
    warn(output, loadFromOptions(command).warnings)
    output.out('the configuration is valid\n')
  })

  config
    .command('reference')
    .description('print the list of all settings (Markdown)')
    .action(() => output.out(configReference()))

  config
    .command('passwd <file>')
    .description(
      'write the scrypt line of an admin passphrase for admin.secret_filename; the passphrase is HEARTH_ADMIN_PASSPHRASE or asked for',
    )
    .action(async (file: string) => {
      await writePassphraseFile(file)
      output.err(`wrote ${file}; point admin.secret_filename at it\n`)
    })
}

function warn(output: Output, warnings: readonly string[]): void {
  for (const warning of warnings) output.err(`warning: ${warning}\n`)
}
