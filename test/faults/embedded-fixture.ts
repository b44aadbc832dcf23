/**
 * A process that opens the embedded server of the data directory named on its command line, tells what happens as JSON
 * lines on standard output, and stops it on SIGTERM. Tests kill it in other ways.
 */
import { openEmbeddedPostgres } from '../../storage/postgres/embedded/server.ts'

const tell = (line: Record<string, unknown>) => console.log(JSON.stringify(line))
const [dataDir = ''] = process.argv.slice(2)
try {
  const began = performance.now()
  const server = await openEmbeddedPostgres({ dataDir, log: (event, detail) => tell({ event, ...detail }) })
  const keepAlive = setInterval(() => {}, 60_000)
  const milliseconds = Math.round(performance.now() - began)
  void server.died.then((reason) => tell({ died: reason }))
  process.on('SIGTERM', async () => {
    await server.stop()
    clearInterval(keepAlive)
    tell({ stopped: true })
  })
  // Last: whoever reads it may send a signal at once.
  tell({ opened: server.connection, pid: server.pid, milliseconds })
} catch (error) {
  const known = error instanceof Error && error.name === 'StartupError'
  tell({
    failed: error instanceof Error ? error.message : String(error),
    known,
    stack: known ? '' : String(error instanceof Error && error.stack),
  })
  process.exitCode = 1
}
