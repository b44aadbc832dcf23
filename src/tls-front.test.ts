import { afterEach, expect, test } from 'bun:test'
import { spawn, spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { Agent, get, type Agent as HttpsAgent } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { type Fetch, type Listeners, openListeners } from './listeners.ts'
import { type KeyAndCertificate, selfSignedCertificate } from './self-signed.ts'
import { newTlsFront } from './tls-front.ts'

const open: Listeners[] = []
afterEach(async () => {
  for (const listeners of open.splice(0)) await listeners.close(0)
})

const pairOf = (name: string) => selfSignedCertificate({ names: [name, 'localhost'], notBefore: new Date(), days: 1 })

async function listen(fetch: Fetch, tls: KeyAndCertificate) {
  const listeners = await openListeners([
    { name: 'appliance', setting: 'appliance.port', host: 'localhost', port: 0, fetch, tls },
  ])
  open.push(listeners)
  return { listeners, port: listeners.addresses.appliance?.port ?? 0 }
}

function ask(port: number, path = '/', agent: HttpsAgent | false = false): Promise<{ text: string; name: string }> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, rejectUnauthorized: false, agent }
    get(options, (response) => {
      const peer = (response.socket as TLSSocket).getPeerX509Certificate?.()
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve({ text, name: peer?.subject ?? '' }))
      response.on('error', reject)
    }).on('error', reject)
  })
}

function subjectAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(new X509Certificate(socket.getPeerCertificate().raw).subject)
      socket.destroy()
    }).on('error', reject)
  })
}

test('after an exchange new handshakes see the new certificate and a running answer finishes', async () => {
  let finish = () => {}
  const late = new Promise<void>((resolve) => {
    finish = resolve
  })
  const { listeners, port } = await listen(
    async (request) => {
      if (request.url.endsWith('/slow')) await late
      return new Response('ok')
    },
    await pairOf('old'),
  )
  expect(await subjectAt(port)).toBe('CN=old')
  const running = ask(port, '/slow')
  await ask(port)
  listeners.setCertificate(await pairOf('new'))
  expect(await subjectAt(port)).toBe('CN=new')
  finish()
  expect((await running).text).toBe('ok')
})

test('an unusable pair is refused and the old certificate stays', async () => {
  const [old, other] = await Promise.all([pairOf('old'), pairOf('other')])
  const { listeners, port } = await listen(() => new Response('ok'), old)
  expect(() => listeners.setCertificate({ key: 'rubbish', cert: other.cert })).toThrow()
  expect(await subjectAt(port)).toBe('CN=old')
})

test('50 exchanges under constant load lose no request', async () => {
  const pairs = await Promise.all([pairOf('one'), pairOf('two')])
  const { listeners, port } = await listen(() => new Response('ok'), pairs[0])
  let done = false
  let answered = 0
  const failures: unknown[] = []
  const client = async (agent: HttpsAgent | false) => {
    while (!done) {
      try {
        if ((await ask(port, '/', agent)).text === 'ok') answered += 1
      } catch (error) {
        failures.push(error)
      }
    }
  }
  const agent = new Agent({ keepAlive: true })
  const clients = [client(false), client(false), client(false), client(agent)]
  for (let swap = 1; swap <= 50; swap++) {
    const before = answered
    listeners.setCertificate(pairs[swap % 2] as KeyAndCertificate)
    while (answered < before + 2 && failures.length === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  done = true
  await Promise.all(clients)
  agent.destroy()
  expect(failures).toEqual([])
  expect(answered).toBeGreaterThanOrEqual(100)
})

test('connections beyond the limit of one address are closed, the others go on', async () => {
  const http = createServer((_request, response) => response.end('ok'))
  const front = newTlsFront({ pair: await pairOf('box'), http, maxPerAddress: 2 })
  await new Promise<void>((resolve) => front.server.listen(0, '127.0.0.1', resolve))
  const { port } = front.server.address() as AddressInfo
  const held: TLSSocket[] = []
  for (let count = 0; count < 2; count++) {
    held.push(
      await new Promise<TLSSocket>((resolve) => {
        const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => resolve(socket))
        socket.on('error', () => {})
      }),
    )
  }
  const refused = await ask(port).then(
    () => 'answered',
    () => 'closed',
  )
  expect(refused).toBe('closed')
  held[0]?.destroy()
  for (;;) {
    const answer = await ask(port).catch(() => undefined)
    if (answer === undefined) continue
    expect(answer.text).toBe('ok')
    break
  }
  held[1]?.destroy()
  front.closeAll()
  front.server.close()
})

const openssl = spawnSync('openssl', ['version']).status === 0
if (!openssl) console.warn('skipped: TLS 1.0 and 1.1 against openssl s_client, which is not on PATH')

async function handshake(port: number, version: string): Promise<boolean> {
  const args = ['s_client', '-connect', `127.0.0.1:${port}`, version, '-cipher', 'ALL:@SECLEVEL=0', '-brief']
  const child = Bun.spawn(['openssl', ...args], { stdin: new Blob(['']), stdout: 'ignore', stderr: 'pipe' })
  const [code, text] = await Promise.all([child.exited, new Response(child.stderr).text()])
  return code === 0 && text.includes('CONNECTION ESTABLISHED')
}

/** A server of OpenSSL's that takes whatever a client offers. */
async function openControl(): Promise<{ port: number; close: () => void }> {
  const folder = mkdtempSync(join(tmpdir(), 'hearth-tls-'))
  const { key, cert } = await pairOf('control')
  writeFileSync(join(folder, 'pair.pem'), key + cert)
  const args = ['s_server', '-accept', '127.0.0.1:0', '-cert', join(folder, 'pair.pem'), '-cipher', 'ALL:@SECLEVEL=0']
  const child = spawn('openssl', [...args, '-min_protocol', 'TLSv1'], { stdio: ['pipe', 'pipe', 'ignore'] })
  const port = await new Promise<number>((resolve) => {
    let text = ''
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      const found = /ACCEPT \S+:(\d+)/.exec(text)
      if (found) resolve(Number(found[1]))
    })
  })
  const close = () => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  }
  return { port, close }
}

test.skipIf(!openssl)('TLS 1.0 and 1.1 are refused, also to a client that would take any cipher', async () => {
  const { port } = await listen(() => new Response('ok'), await pairOf('box'))
  const control = await openControl()
  try {
    for (const version of ['-tls1', '-tls1_1']) {
      // The same client gets through to a server that takes old versions, so that a refusal is the server's.
      expect([version, await handshake(control.port, version)]).toEqual([version, true])
      expect([version, await handshake(port, version)]).toEqual([version, false])
    }
    expect(await handshake(port, '-tls1_2')).toBe(true)
  } finally {
    control.close()
  }
})
