/** Backup and restore of a whole server over its appliance API, and what is left when it is killed on the way. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ApplianceClient, openApplianceClient } from '../support/appliance-client.ts'
import { startServer, type TestServer } from '../support/server.ts'

const settings = { 'first-run': { enabled: false }, endpoints: ['backup', 'settings'] }

interface Stage {
  readonly server: TestServer
  readonly client: ApplianceClient
  readonly token: string
}

function configuration(): string {
  const file = join(mkdtempSync(join(tmpdir(), 'hearth-appliance-')), 'configuration.json')
  writeFileSync(file, JSON.stringify(settings))
  return file
}

async function open(options: Parameters<typeof startServer>[0] = {}): Promise<Stage> {
  const file = configuration()
  const server = await startServer({ ...options, env: { ...options.env, HEARTH_APPLIANCE_CONFIG: file } })
  const client = openApplianceClient(server.applianceUrl)
  await client.post('/setup', [{ name: 'newtoken', content: 'yourtoken' }])
  return { server, client, token: await server.token('*') }
}

const auth = (token: string) => ({ authorization: `Bearer ${token}` })

async function write({ server, token }: Stage, id: string, text: string): Promise<void> {
  const headers = { ...auth(token), 'content-type': 'application/json' }
  const body = JSON.stringify({ text })
  const known = await server.fetch(`/data/org.example.notes/${id}`, { headers })
  const rev = known.ok ? ((await known.json()) as { _rev: string })._rev : undefined
  const answer = await server.fetch(`/data/org.example.notes/${id}`, {
    method: 'PUT',
    headers,
    body: rev === undefined ? body : JSON.stringify({ text, _rev: rev }),
  })
  expect([200, 201]).toContain(answer.status)
}

async function upload({ server, token }: Stage, name: string, content: string): Promise<string> {
  const headers = { ...auth(token), 'content-type': 'text/plain' }
  const answer = await server.fetch(`/files/?Type=file&Name=${name}`, { method: 'POST', headers, body: content })
  expect(answer.status).toBe(201)
  return ((await answer.json()) as { data: { id: string } }).data.id
}

/** What a person sees of their notes and files. */
async function contents({ server, token }: Stage): Promise<Record<string, unknown>> {
  const headers = auth(token)
  const notes = await server.fetch('/data/org.example.notes/_all_docs?include_docs=true', { headers })
  const root = await server.fetch('/files/io.cozy.files.root-dir', { headers })
  const { included = [] } = (await root.json()) as {
    included?: { id: string; attributes: { name: string; type: string } }[]
  }
  const files: Record<string, string> = {}
  for (const { id, attributes } of included.filter((one) => one.attributes.type === 'file')) {
    files[attributes.name] = await (await server.fetch(`/files/download/${id}`, { headers })).text()
  }
  return { notes: ((await notes.json()) as { rows: { doc: unknown }[] }).rows.map(({ doc }) => doc), files }
}

async function backup({ client }: Stage): Promise<Buffer> {
  expect((await client.post('/backup', [{ name: 'action', content: 'START' }])).status).toBe(202)
  const state = await client.until('/backup', ({ status }) => status !== 'running')
  expect(state).toMatchObject({ status: 'success', filesize: expect.stringMatching(/^\d+\.\d[KMGT]$/) })
  const bytes = Buffer.from(await (await client.get('/backup/download')).arrayBuffer())
  expect(new Bun.CryptoHasher('sha256').update(bytes).digest('hex')).toBe(state['sha256'] as string)
  return bytes
}

const restore = ({ client }: Stage, content: Uint8Array) =>
  client.post('/backup/restore', [{ name: 'archive', file: 'backup.tar', content }])

async function objectsOf({ server }: Stage): Promise<string[]> {
  const folder = join(server.dataDir, 'objects')
  const all = readdirSync(folder, { recursive: true, withFileTypes: true })
  return all
    .filter((entry) => entry.isFile() && entry.name.endsWith('#'))
    .map((entry) => entry.name)
    .sort()
}

for (const database of ['embedded', 'external'] as const) {
  describe(`a backup restored on a running server, ${database} database`, () => {
    let stage: Stage
    let archive: Buffer
    let before: Record<string, unknown>
    beforeAll(async () => {
      stage = await open({ database })
      await write(stage, 'one', 'first')
      await upload(stage, 'kept.txt', 'kept')
      await upload(stage, 'deleted.txt', 'comes back')
      before = await contents(stage)
      archive = await backup(stage)
    }, 120_000)
    afterAll(async () => {
      stage.client.close()
      await stage.server.stop()
    })

    test('gives back what was there, takes away what came since, and the token stays', async () => {
      await write(stage, 'one', 'second')
      await write(stage, 'two', 'new')
      const added = await upload(stage, 'added.txt', 'goes away')
      expect(added).not.toBe('')
      expect(await contents(stage)).not.toEqual(before)
      const answer = await restore(stage, archive)
      expect([answer.status, await answer.json()]).toEqual([200, { Status: '200 OK' }])
      expect(await contents(stage)).toEqual(before)
      expect((await stage.client.get('/backup/log')).status).toBe(200)
      await write(stage, 'three', 'after the restore')
      expect(existsSync(join(stage.server.dataDir, 'appliance', 'restore-journal.json'))).toBe(false)
    })

    test('refuses what is not whole, with everything as it was', async () => {
      const seen = await contents(stage)
      const objects = database === 'embedded' ? await objectsOf(stage) : []
      const flipped = Buffer.from(archive)
      flipped[10_000] = (flipped[10_000] ?? 0) ^ 1
      const other = Buffer.from(archive.toString('latin1').replace('hearth-appliance', 'other-appliance'), 'latin1')
      const cases: Record<string, Uint8Array> = {
        flipped,
        other,
        cut: archive.subarray(0, archive.length - 2_000),
        'without its end': archive.subarray(0, archive.length - 1_024),
        trailing: Buffer.concat([archive, Buffer.from('more')]),
        text: Buffer.from('this is not an archive'),
        empty: Buffer.alloc(0),
        zeros: Buffer.alloc(10_240),
      }
      for (const [name, bytes] of Object.entries(cases)) {
        const answer = await restore(stage, bytes)
        expect([name, answer.status, ((await answer.json()) as { Status: string }).Status]).toEqual([
          name,
          400,
          '400 Bad Request',
        ])
      }
      expect(await contents(stage)).toEqual(seen)
      if (database === 'embedded') expect(await objectsOf(stage)).toEqual(objects)
      expect(
        readdirSync(join(stage.server.dataDir, 'appliance', 'home', 'sftp', 'uploads')).filter((name) =>
          name.includes('archive'),
        ),
      ).toEqual([])
    })
  })
}

describe('a restore whose server is killed', () => {
  for (const place of ['restore:staged', 'restore:filled', 'restore:objects', 'restore:switched']) {
    test(`at ${place}: the next start has the old or the new state, whole`, async () => {
      const passed = join(mkdtempSync(join(tmpdir(), 'hearth-failpoint-')), 'passed')
      const first = await open({ env: { HEARTH_TEST_FAILPOINT_LOG: passed }, keepData: true })
      const { dataDir } = first.server
      await write(first, 'one', 'old')
      await upload(first, 'old.txt', 'old content')
      const [saved, archive] = [await contents(first), await backup(first)]
      await write(first, 'one', 'new')
      await upload(first, 'new.txt', 'new content')
      const present = await contents(first)
      first.client.close()
      await first.server.stop()

      const env = { HEARTH_TEST_FAILPOINT: place, HEARTH_TEST_FAILPOINT_LOG: passed }
      const second = await open({ dataDir, env })
      await restore(second, archive).catch(() => {})
      await second.server.kill()
      expect((await Bun.file(passed).text()).split('\n')).toContain(place)
      second.client.close()

      const third = await open({ dataDir, keepData: false })
      expect(await contents(third)).toEqual(place === 'restore:switched' ? saved : present)
      await write(third, 'more', 'it goes on')
      expect(existsSync(join(dataDir, 'appliance', 'restore-journal.json'))).toBe(false)
      third.client.close()
      await third.server.stop()
      rmSync(dataDir, { recursive: true, force: true })
    }, 180_000)
  }
})
