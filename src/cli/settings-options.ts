/** Adds one flag for every setting to a command, made from the schema, and reads them back. */
import { type Command, Option } from 'commander'
import { settings } from '../config/leaves.ts'
import type { LoadedConfig } from '../config/load.ts'
import { loadProcessConfig } from '../config.ts'

/** Adds `--config` and a flag for every setting that may have one. */
export function addSettingsOptions(command: Command): Command {
  command.option('--config <file>', 'configuration file (YAML); default: hearth.yaml in the data directory')
  for (const { flag, isSwitch, description, defaultValue } of settings) {
    if (flag === undefined) continue
    const initial = defaultValue === undefined || isSwitch ? '' : ` (default: ${String(defaultValue)})`
    const text = flag.startsWith('--no-') ? `turn off: ${description}` : `${description}${initial}`
    command.addOption(new Option(isSwitch ? flag : `${flag} <value>`, text.replaceAll('`', '')))
  }
  return command
}

/** Loads the configuration with the flags that were given to this command. Throws ConfigError. */
export function loadFromOptions(command: Command): LoadedConfig {
  const flags: Record<string, unknown> = {}
  for (const { name, flag, isSwitch } of settings) {
    if (flag === undefined) continue
    const attribute = new Option(isSwitch ? flag : `${flag} <value>`).attributeName()
    if (command.getOptionValueSource(attribute) === 'cli') flags[name] = command.getOptionValue(attribute)
  }
  const file: unknown = command.getOptionValue('config')
  return loadProcessConfig(flags, typeof file === 'string' ? file : undefined)
}
