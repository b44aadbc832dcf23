/** Uploads that are refused before their bytes are read: real clients see why, at once, and not a reset. */
import { beforeAll, describe, expect, test } from 'bun:test'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDrive, startDrives, type TestDrive } from './drive.ts'

const bytes = 50_000_000
let drive: TestDrive
let narrow: TestDrive

beforeAll(async () => {
  await startDrives()
  drive = await openDrive({ asLocalhost: true })
  narrow = await openDrive({ quota: 1_000_000 })
  await drive.ask('POST /files/?Type=file&Name=taken')
}, 60_000)

/** Runs a program to its end and gives what it wrote. `undefined`: it is not installed. */
function run(program: string, args: readonly string[], environment: object = {}): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...environment }
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 20_000 })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    }
    child.on('error', (error) => ('code' in error && error.code === 'ENOENT' ? resolve(undefined) : reject(error)))
    child.on('close', () => resolve(output.trim()))
  })
}

const refusals = [
  ['a taken name', '/files/?Type=file&Name=taken', 409],
  ['an unknown directory', '/files/nowhere?Type=file&Name=x', 404],
  ['more than there is room', '/files/?Type=file&Name=x', 413],
] as const

describe('refused with 50 MB under way', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hearth-upload-'))
  const file = join(folder, 'content')
  beforeAll(() => {
    writeFileSync(file, Buffer.alloc(bytes))
    return () => rmSync(folder, { recursive: true })
  })

  const cases = refusals.flatMap(([name, path, status]) =>
    [
      [],
      ['-H', 'Expect:'],
      ['-H', 'Transfer-Encoding: chunked'],
      ['-H', 'Transfer-Encoding: chunked', '-H', 'Expect:'],
    ].map((options) => [name, options.join(' '), path, status, options] as const),
  )
  test.each(cases)('%s, curl %s', async (_, __, path, status, options) => {
    const printed = ['-sS', '-o', join(folder, 'answer'), '-w', '%{http_code} %{time_total}']
    const { domain, token } = status === 413 ? narrow : drive
    const headers = ['-H', `Host: ${domain}`, '-H', `Authorization: Bearer ${await token('*')}`]
    const output = await run('curl', [
      ...[...printed, ...headers, ...options, '--data-binary', `@${file}`],
      `${drive.server.url}${path}`,
    ])
    if (output === undefined) return console.warn('curl is not installed: its test is skipped')
    const [code, seconds] = output.split(' ')
    expect(code).toBe(`${status}`)
    expect(Number(seconds)).toBeLessThan(3)
  })

  test.each(refusals.filter(([, , status]) => status !== 413))(
    '%s, fetch of Node',
    async (_, path, status) => {
      const program = `
      const body = (stream) => stream
        ? new ReadableStream({ n: 0, pull(c) { if (this.n++ < 763) c.enqueue(new Uint8Array(65536)); else c.close() } })
        : new Uint8Array(${bytes})
      for (const stream of [false, true]) {
        const answer = await fetch(process.env.TO, {
          method: 'POST', duplex: 'half', body: body(stream), headers: { authorization: process.env.TOKEN },
        })
        console.log(answer.status, (await answer.json()).errors[0].status)
      }`
      const environment = { TO: `http://${drive.domain}${path}`, TOKEN: `Bearer ${await drive.token('*')}` }
      const output = await run('node', ['--input-type=module', '-e', program], environment)
      if (output === undefined) return console.warn('node is not installed: its test is skipped')
      expect(output).toBe(`${status} ${status}\n${status} ${status}`)
    },
    20_000,
  )
})

test('nothing is left of what was refused', async () => {
  for (const [asked, count] of [
    [drive, 1],
    [narrow, 0],
  ] as const) {
    const { json } = await asked.ask('GET /files/io.cozy.files.root-dir')
    expect(json.data.relationships.contents.meta.count).toBe(count)
    expect((await asked.ask('GET /settings/disk-usage')).json.data.attributes.used).toBe('0')
  }
})

test('the client goes away in the middle: no file', async () => {
  const { hostname, port } = new URL(drive.server.url)
  const socket = connect(Number(port), hostname)
  const head = [
    'POST /files/?Type=file&Name=cut HTTP/1.1',
    `Host: ${drive.domain}`,
    `Authorization: Bearer ${await drive.token('*')}`,
    'Content-Length: 900000',
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n${'x'.repeat(300_000)}`)
  await new Promise((resolve) => setTimeout(resolve, 300))
  socket.destroy()
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect((await drive.ask('GET /files/metadata?Path=/cut')).status).toBe(404)
  expect((await drive.ask('POST /files/?Type=file&Name=cut', { body: 'whole' })).status).toBe(201)
})
