/** Who may ask, how often they may guess, and what is written down about it. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { startServer, type TestServer } from '../../support/server.ts'

let server: TestServer

const file = join('/tmp', `hearth-audit-${process.pid}.jsonl`)
const basic = (password: string) => ({ authorization: `Basic ${btoa(`admin:${password}`)}` })
const ask = (method: string, path: string, headers: Record<string, string> = basic(server.passphrase), body?: string) =>
  server.fetch(`${server.adminUrl}${path}`, { method, headers, ...(body === undefined ? {} : { body }) })

beforeAll(async () => {
  server = await startServer({ env: { HEARTH_ADMIN_AUDIT_FILE: file } })
})
afterAll(() => server?.stop())

const trail = () =>
  readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

describe('the audit file', () => {
  test('has a line for each change and each refusal, names only, and nobody else may read it', async () => {
    const domain = 'trail.test'
    await ask('POST', `/instances?Domain=${domain}&Passphrase=plantedsecret&Email=planted@mail.test`)
    await ask('PATCH', `/instances/${domain}?PublicName=planted-name`)
    await ask('GET', `/instances/${domain}`)
    const code = await (await ask('POST', `/instances/${domain}/session_code`)).text()
    await ask('DELETE', `/instances/${domain}`)
    await ask('DELETE', `/instances/${domain}`)
    await ask('GET', '/instances', basic('wrong-planted'))
    const lines = trail().map(({ time: _time, address: _address, ...line }) => line)
    expect(lines).toEqual([
      {
        method: 'POST',
        route: '/instances',
        instance: domain,
        parameters: ['Domain', 'Passphrase', 'Email'],
        status: 201,
        outcome: 'done',
      },
      {
        method: 'PATCH',
        route: '/instances/:domain',
        instance: domain,
        parameters: ['PublicName'],
        status: 200,
        outcome: 'done',
      },
      {
        method: 'POST',
        route: '/instances/:domain/session_code',
        instance: domain,
        parameters: [],
        status: 200,
        outcome: 'done',
      },
      { method: 'DELETE', route: '/instances/:domain', instance: domain, parameters: [], status: 204, outcome: 'done' },
      {
        method: 'DELETE',
        route: '/instances/:domain',
        instance: domain,
        parameters: [],
        status: 404,
        outcome: 'refused',
      },
      expect.objectContaining({ method: 'GET', status: 403, outcome: 'refused' }),
    ])
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const written = readFileSync(file, 'utf8') + server.output.stdout + server.output.stderr
    for (const secret of ['planted', (JSON.parse(code) as { session_code: string }).session_code]) {
      expect(written).not.toContain(secret)
    }
  })
})

describe('guessing the passphrase', () => {
  test('is refused after twenty tries in a minute, the right one too, and says how long', async () => {
    const statuses: number[] = []
    for (let n = 0; n < 25; n++) statuses.push((await ask('GET', '/instances/count', basic(`guess ${n}`))).status)
    // One wrong passphrase was told before.
    expect(statuses).toEqual([...Array(19).fill(403), ...Array(6).fill(429)])
    const right = await ask('GET', '/instances/count')
    expect(right.status).toBe(429)
    expect(Number(right.headers.get('retry-after'))).toBeGreaterThan(0)
  })
})
