import { processOutput } from './cli/output.ts'
import { runCommand } from './cli/program.ts'

const code = await runCommand(process.argv.slice(2), processOutput)
// Pipes are written in the background: the exit waits until they have taken everything.
process.stdout.write('', () => process.stderr.write('', () => process.exit(code || process.exitCode)))
