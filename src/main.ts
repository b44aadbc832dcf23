import { workerCommand } from './processes/worker-command.ts'
import { drawCommand } from './thumbnails/draw-command.ts'

const code = await run(process.argv[2])
// Pipes are written in the background: the exit waits until they have taken everything.
process.stdout.write('', () => process.stderr.write('', () => process.exit(code || process.exitCode)))

function run(command: string | undefined): Promise<number> {
  if (command === drawCommand) return drawThumbnails()
  return command === workerCommand ? serveAsWorker() : runCommandLine()
}

/** The process that draws pictures for a server: it loads nothing else. */
async function drawThumbnails(): Promise<number> {
  const { drawStdin } = await import('./thumbnails/child.ts')
  return drawStdin()
}

/** One of several processes that answer for a server, which has started it. */
async function serveAsWorker(): Promise<number> {
  const [{ processOutput }, worker] = await Promise.all([import('./cli/output.ts'), import('./cli/serve-worker.ts')])
  return worker.serveAsWorker(processOutput)
}

async function runCommandLine(): Promise<number> {
  const [{ processOutput }, { runCommand }] = await Promise.all([import('./cli/output.ts'), import('./cli/program.ts')])
  return runCommand(process.argv.slice(2), processOutput)
}
