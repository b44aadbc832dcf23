/** The operator's websocket: told of exports that an operator asked for, and of nothing else. */
import { expect, test } from 'bun:test'
import WebSocket from 'ws'
import { sharedServer } from '../../support/server.ts'

test('an export for the operator is announced when it is done, and foreign pages and wrong passphrases are refused', async () => {
  const server = await sharedServer()
  const domain = 'exported.realtime.test'
  await server.createInstance(domain)
  const authorization = `Basic ${btoa(`admin:${server.passphrase}`)}`
  const url = `${server.adminUrl.replace('http', 'ws')}/realtime/`
  const open = (headers: Record<string, string>) =>
    new Promise<WebSocket | number>((resolve) => {
      const socket = new WebSocket(url, 'io.cozy.websocket', { headers })
      socket.on('open', () => resolve(socket))
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0))
      socket.on('error', () => resolve(0))
    })
  expect(await open({})).not.toBeInstanceOf(WebSocket)
  expect(await open({ authorization, origin: 'https://evil.test' })).not.toBeInstanceOf(WebSocket)
  const socket = await open({ authorization })
  if (!(socket instanceof WebSocket)) throw new Error(`refused with ${socket}`)
  const event = new Promise<{ event: string; payload: { type: string; doc: Record<string, unknown> } }>((resolve) => {
    socket.on('message', (data) => resolve(JSON.parse(String(data))))
  })
  socket.send(JSON.stringify({ method: 'SUBSCRIBE', payload: { type: 'io.cozy.exports' } }))
  // Commands are obeyed in order: an answer to the second means that the first was.
  const ordered = await server.fetch(`${server.adminUrl}/instances/${domain}/export?admin-req=true`, {
    method: 'POST',
    headers: { authorization },
  })
  expect(ordered.status).toBe(202)
  const { event: kind, payload } = await event
  expect([kind, payload.type]).toEqual(['CREATED', 'io.cozy.exports'])
  expect(payload.doc).toMatchObject({ domain, state: 'done' })
  socket.close()
})
