import { drawCommand } from './thumbnails/draw-command.ts'

const code = process.argv[2] === drawCommand ? await drawThumbnails() : await runCommandLine()
// Pipes are written in the background: the exit waits until they have taken everything.
process.stdout.write('', () => process.stderr.write('', () => process.exit(code || process.exitCode)))

/** The process that draws pictures for a server: it loads nothing else. */
async function drawThumbnails(): Promise<number> {
  const { drawStdin } = await import('./thumbnails/child.ts')
  return drawStdin()
}

async function runCommandLine(): Promise<number> {
  const [{ processOutput }, { runCommand }] = await Promise.all([import('./cli/output.ts'), import('./cli/program.ts')])
  return runCommand(process.argv.slice(2), processOutput)
}
