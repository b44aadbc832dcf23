/**
 * Hearth's sources under Deno: `npx deno run -A test/smoke/deno.ts` starts a server, stores a document, reads it, and hears
 * of it through the websocket. More than one worker is refused.
 */
import { Listener } from '../http/realtime/listener.ts'
import { runHearth, startServer, type TestServer } from '../support/server.ts'

// The binary is Bun's: here the sources are to be run.
delete process.env['HEARTH_TEST_BINARY']

let failure: unknown
let server: TestServer | undefined
try {
  server = await startServer()
  await storeAndRead(server)
  const code = await server.stop()
  if (code !== 0) throw new Error(`the server ended with ${code}`)
  const several = await runHearth(['serve', '--data-dir', '/nowhere', '--workers', '2'])
  if (several.code !== 1 || !several.stderr.includes('one worker is supported')) {
    throw new Error(`two workers under Deno: ${several.code} ${several.stderr}`)
  }
} catch (error) {
  failure = error
  console.error(error, server?.output)
  await server?.killTree()
}
console.log(failure === undefined ? '1 passed, 0 failed' : '0 passed, 1 failed')
process.exit(failure === undefined ? 0 : 1)

async function storeAndRead(server: TestServer): Promise<void> {
  const { fetch } = server
  const token = await server.token('*')
  const listener = await Listener.subscribed(server, token, 'org.example.notes')
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const stored = await fetch('/data/org.example.notes/', { method: 'POST', headers, body: '{"title":"Grüße"}' })
  const { id } = (await stored.json()) as { id: string }
  const read = await fetch(`/data/org.example.notes/${id}`, { headers })
  const document = (await read.json()) as { title: string }
  if (stored.status !== 201 || read.status !== 200 || document.title !== 'Grüße') {
    throw new Error(`stored ${stored.status}, read ${read.status}: ${JSON.stringify(document)}`)
  }
  const told = await listener.told()
  if (told[0] !== `CREATED ${id} 1`) throw new Error(`told ${told}`)
}
