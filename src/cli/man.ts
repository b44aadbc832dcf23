/** The manual page, made from the commands that there are. */
import type { Command } from 'commander'
import { version } from '../version.ts'

/** In the macros of man(7). */
export function manPage(program: Command): string {
  const lines = [
    `.TH HEARTH 1 "" "hearth ${version}" "User Commands"`,
    '.SH NAME',
    `hearth \\- ${escaped(program.description())}`,
    '.SH SYNOPSIS',
    '.B hearth',
    '.I COMMAND',
    '[options]',
    '.SH COMMANDS',
    ...program.commands.flatMap((command) => commandLines(command, 'hearth')),
    '.SH EXIT STATUS',
    '0: done. 1: failed, for a reason that was printed. 2: wrong usage or configuration.',
    '.SH ENVIRONMENT',
    '.TP',
    '.B HEARTH_ADMIN_URL',
    'Where the admin API is. Default: the server on the data directory, else http://localhost:6060.',
    '.TP',
    '.B HEARTH_ADMIN_PASSPHRASE',
    'Its passphrase.',
    '.PP',
    'Every setting has a variable; \\fBhearth config show\\fR lists them.',
  ]
  return `${lines.join('\n')}\n`
}

function commandLines(command: Command, path: string): readonly string[] {
  if (command.name() === 'help') return []
  const name = `${path} ${command.name()}`
  if (command.commands.length > 0) {
    return [
      `.SS ${escaped(name)}`,
      escaped(command.description()),
      ...command.commands.flatMap((sub) => commandLines(sub, name)),
    ]
  }
  const usage = command.registeredArguments.map((argument) => {
    const word = argument.variadic ? `${argument.name()}...` : argument.name()
    return argument.required ? word.toUpperCase() : `[${word.toUpperCase()}]`
  })
  return [
    '.TP',
    `.B ${escaped([name, ...usage].join(' '))}`,
    escaped(command.description()),
    ...(command.options.length === 0 ? [] : ['.RS']),
    ...command.options.flatMap(({ flags, description }) => ['.TP', `.B ${escaped(flags)}`, escaped(description)]),
    ...(command.options.length === 0 ? [] : ['.RE']),
  ]
}

/** Backslashes and dashes mean something to roff, and so does a dot or an apostrophe at the start of a line. */
function escaped(text: string): string {
  const one = text.replaceAll(/\s+/g, ' ').replaceAll('\\', '\\e').replaceAll('-', '\\-')
  return /^[.']/.test(one) ? `\\&${one}` : one
}
