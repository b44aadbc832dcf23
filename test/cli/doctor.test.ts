import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Finding } from '../../src/doctor.ts'
import { freePort, postgresBin, sharedPostgres } from '../support/postgres.ts'
import { runHearth } from '../support/server.ts'

const folder = mkdtempSync(join(tmpdir(), 'hearth-doctor-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const anyPorts = ['--port', '0', '--admin-port', '0', '--sync-port', '0', '--appliance-port', 'off']

async function doctor(args: readonly string[], env: Record<string, string> = {}) {
  const { code, stdout } = await runHearth(['doctor', '--json', '--data-dir', folder, ...anyPorts, ...args], { env })
  const findings = JSON.parse(stdout) as Finding[]
  return { code, finding: (check: string) => findings.find((one) => one.check === check) }
}

describe('doctor', () => {
  test('finds nothing wrong with a fresh folder and changes nothing', async () => {
    const { code, finding } = await doctor(['--data-dir', join(folder, 'new', 'data')])
    expect(code).toBe(0)
    expect(finding('data directory')?.text).toContain('will be made by the first start')
    expect(finding('PostgreSQL')?.text).toMatch(/^embedded 18\..*no data yet$/)
    expect(finding('appliance.port')?.text).toBe('off')
  })

  test('names a port that is taken', async () => {
    const port = await freePort()
    const holder = Bun.listen({ hostname: '127.0.0.1', port, socket: { data() {} } })
    const { code, finding } = await doctor(['--admin-port', `${port}`])
    holder.stop()
    expect(code).toBe(1)
    expect(finding('admin.port')).toMatchObject({
      state: 'bad',
      text: expect.stringContaining(`localhost port ${port}`),
    })
  })

  test('names a data directory that is none', async () => {
    writeFileSync(join(folder, 'file'), '')
    const { code, finding } = await doctor(['--data-dir', join(folder, 'file')])
    expect(code).toBe(1)
    expect(finding('data directory')).toMatchObject({ state: 'bad', text: expect.stringContaining('not a directory') })
  })

  test('says where objects will lie, or why they cannot', async () => {
    const { finding } = await doctor(['--data-dir', join(folder, 'new', 'data')])
    expect(finding('objects')).toMatchObject({
      state: 'ok',
      text: expect.stringContaining('data/objects will be made'),
    })
    const refused = await doctor([], { HEARTH_OBJECTS_URL: 'file:///dev/null/objects' })
    expect(refused.code).toBe(1)
    expect(refused.finding('objects')).toMatchObject({ state: 'bad', text: expect.stringContaining('not a directory') })
    const silent = await doctor([], { HEARTH_OBJECTS_URL: 's3+http://KEY:geheim@127.0.0.1:1/bucket' })
    expect(silent.code).toBe(0)
    expect(silent.finding('objects')).toMatchObject({
      state: 'warning',
      text: expect.stringContaining('does not answer'),
    })
    expect(JSON.stringify(silent.finding('objects'))).not.toContain('geheim')
  })

  test('says that an outside database does not answer, without its password', async () => {
    const env = { HEARTH_DATABASE_URL: 'postgres://ada:geheim@127.0.0.1:1/x' }
    const { code, finding } = await doctor(['--allow-local-objects'], env)
    expect(code).toBe(1)
    expect(finding('PostgreSQL')).toMatchObject({ state: 'bad', text: expect.stringContaining('does not answer') })
    expect(JSON.stringify(finding('PostgreSQL'))).not.toContain('geheim')
  })

  test.skipIf(postgresBin() === undefined)('describes an outside database', async () => {
    const env = { HEARTH_DATABASE_URL: await (await sharedPostgres()).createDatabase() }
    const { code, finding } = await doctor(['--allow-local-objects'], env)
    expect(finding('PostgreSQL')?.text).toMatch(/^version 15\..*, ICU, UTF8, no schema yet$/)
    expect(code).toBe(0)
  })
})
