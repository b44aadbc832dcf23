/** The command line: which commands there are, and what their failures mean for the exit code. */
import { Command, CommanderError } from 'commander'
import { ConfigError } from '../config/load.ts'
import { StartupError } from '../model/startup-error.ts'
import { version } from '../version.ts'
import { AdminClientError } from './admin-client.ts'
import { addApplianceCommands } from './appliance.ts'
import { addBackupCommands } from './backup.ts'
import { addCheckCommands, addFixCommands } from './check.ts'
import { addCompletionCommands } from './completion.ts'
import { addConfigCommands } from './config.ts'
import { addDoctorCommand } from './doctor.ts'
import { addExportCommand } from './export.ts'
import { addFsckCommand } from './fsck.ts'
import { addImportCommand } from './import.ts'
import { addInstanceCommands } from './instances.ts'
import type { Output } from './output.ts'
import { addServeCommand } from './serve.ts'
import { addSwiftCommands } from './swift.ts'
import { addSyncCommands } from './sync.ts'
import { addVersionCommand } from './version.ts'

/** Done. */
export const exitDone = 0
/** Failed, for a reason that was printed. */
export const exitFailed = 1
/** Wrong usage: unknown command or flag, bad setting. */
export const exitUsage = 2

/** Runs one command and resolves to the exit code. `args` are without the program's name. */
export async function runCommand(args: readonly string[], output: Output): Promise<number> {
  try {
    await newProgram(output).parseAsync(args, { from: 'user' })
    return exitDone
  } catch (error) {
    return explain(error, output)
  }
}

function newProgram(output: Output): Command {
  const program = new Command('hearth')
    .description('A personal cloud in one binary: documents with CouchDB semantics on PostgreSQL')
    .version(version, '--version', 'print the version')
    .exitOverride()
    .configureOutput({ writeOut: (text) => output.out(text), writeErr: (text) => output.err(text) })
    .configureHelp({ sortSubcommands: false })
    .showHelpAfterError('(hearth --help lists the commands, hearth COMMAND --help their flags)')
    .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 wrong usage or configuration.')
  addServeCommand(program, output)
  addInstanceCommands(program, output)
  addFsckCommand(program, output)
  addCheckCommands(program, output)
  addFixCommands(program, output)
  addSwiftCommands(program, output)
  addExportCommand(program, output)
  addImportCommand(program, output)
  addBackupCommands(program, output)
  addConfigCommands(program, output)
  addApplianceCommands(program, output)
  addDoctorCommand(program, output)
  addSyncCommands(program, output)
  addVersionCommand(program, output)
  addCompletionCommands(program, output)
  return program
}

function explain(error: unknown, output: Output): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitDone : exitUsage
  if (error instanceof ConfigError) {
    const count = error.problems.length
    output.err(`The configuration has ${count === 1 ? 'a mistake' : `${count} mistakes`}:\n`)
    for (const problem of error.problems) output.err(`  ${problem}\n`)
    return exitUsage
  }
  if (error instanceof StartupError || error instanceof AdminClientError) output.err(`hearth: ${error.message}\n`)
  else output.err(`hearth: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  return exitFailed
}
