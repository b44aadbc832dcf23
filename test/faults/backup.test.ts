/** `hearth backup` and `hearth restore` as processes: what a client saw before, it sees afterwards. */
import { afterAll, afterEach, describe, expect, test } from 'bun:test'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { unpackTar } from 'modern-tar'
import { postgresBin, sharedPostgres } from '../support/postgres.ts'
import { hearthCommand, hearthEnvironment, runHearth, startServer, type TestServer } from '../support/server.ts'

const folder = mkdtempSync(join(tmpdir(), 'hearth-backup-'))
// The embedded server's user must get through, whoever runs the tests.
spawnSync('chmod', ['0711', folder])
// A data directory has 65 MB of programs.
afterEach(() => {
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true, force: true })
}, 30_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let made = 0
const place = (name: string) => join(folder, `${++made}-${name}`)
const patience = 90_000

interface Client {
  readonly server: TestServer
  readonly domain: string
  readonly token: string
}

async function ask(client: Client, method: string, path: string, body?: unknown): Promise<string> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await client.server.fetch(path, {
    method,
    headers: {
      host: client.domain,
      authorization: `Bearer ${client.token}`,
      'content-type': 'application/json',
      accept: 'application/json',
    },
    ...(text === undefined ? {} : { body: text }),
  })
  const answer = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${answer}`)
  return answer
}

const rev = (digit: string) => digit.repeat(32)
const things = '/couchdb/org.example.things'

/** All that could get lost: conflicts, tombstones, bodies jsonb would change, indexes, old revisions, strange ids. */
async function fill(client: Client): Promise<void> {
  await ask(client, 'PUT', things)
  await ask(client, 'PUT', '/couchdb/org.example.empty')
  await ask(client, 'POST', `${things}/_index`, {
    index: { fields: ['kind', 'name'] },
    ddoc: 'by-kind',
    name: 'kind-name',
  })
  const docs = Array.from({ length: 300 }, (_, n) => ({
    _id: `thing-${n}`,
    kind: n % 3 === 0 ? 'fruit' : 'Öl',
    name: `näme ${n % 17}\t\\.\n`,
    text: 'x'.repeat(n),
  }))
  await ask(client, 'POST', `${things}/_bulk_docs`, { docs })
  for (const id of ['ünï/cödé ☃', '\\N', '\\.', 'tab\tand\nline', '𝄞', '+ %2F']) {
    await ask(client, 'PUT', `${things}/${encodeURIComponent(id)}`, { kind: 'strange', name: id })
  }
  const raw = '{"kind":"raw","nul":"a\\u0000b","big":1e300,"exact":12345678901234567890.5,"z":1,"a":[1.0,1E2,-0]}'
  await ask(client, 'PUT', `${things}/raw`, raw)
  await ask(
    client,
    'PUT',
    `${things}/_design/views`,
    '{"views":{"b":{"map":"function (d) { emit(\\"\\\\n\\") }"},"a":{}},"language":"javascript"}',
  )
  await ask(client, 'POST', `${things}/_bulk_docs`, {
    new_edits: false,
    docs: [
      {
        _id: 'torn',
        _rev: `3-${rev('a')}`,
        _revisions: { start: 3, ids: [rev('a'), rev('b'), rev('c')] },
        side: 'left',
      },
      {
        _id: 'torn',
        _rev: `3-${rev('d')}`,
        _revisions: { start: 3, ids: [rev('d'), rev('b'), rev('c')] },
        side: 'right',
      },
      { _id: 'torn', _rev: `2-${rev('e')}`, _revisions: { start: 2, ids: [rev('e'), rev('c')] }, _deleted: true },
    ],
  })
  const first = JSON.parse(await ask(client, 'PUT', `${things}/edited`, { turn: 1 })) as { rev: string }
  await ask(client, 'PUT', `${things}/edited`, { turn: 2, _rev: first.rev })
  const gone = JSON.parse(await ask(client, 'PUT', `${things}/gone`, { last: 'words' })) as { rev: string }
  await ask(client, 'DELETE', `${things}/gone?rev=${gone.rev}`)
  await ask(client, 'POST', '/data/org.example.notes/', { title: 'from the other face' })
}

/** Everything a client can see, as the texts that it gets. */
async function view(client: Client): Promise<Record<string, string>> {
  const get = (path: string) => ask(client, 'GET', path)
  const find = { selector: { kind: 'fruit', name: { $gt: 'näme 3' } }, sort: ['kind', 'name'], limit: 500 }
  const listed = JSON.parse(await get(`${things}/edited?revs_info=true`)) as { _revs_info: { rev: string }[] }
  const answers: [string, Promise<string>][] = [
    ['databases', get('/couchdb/_all_dbs')],
    ['empty database', get('/couchdb/org.example.empty/_all_docs')],
    ['documents', get(`${things}/_all_docs?include_docs=true&conflicts=true`)],
    ['notes', get('/data/org.example.notes/_all_docs?include_docs=true')],
    ['leaves', get(`${things}/torn?open_revs=all&revs=true`)],
    ['raw text', get(`${things}/raw`)],
    ['strange id', get(`${things}/${encodeURIComponent('ünï/cödé ☃')}?revs=true&local_seq=true`)],
    ['tombstone', get(`${things}/gone?open_revs=all&revs=true`)],
    ['old revision', get(`${things}/edited?rev=${listed._revs_info[1]?.rev}`)],
    ['design document', get(`${things}/_design/views`)],
    ['indexes', get(`${things}/_index`)],
    ['found', ask(client, 'POST', `${things}/_find`, find)],
    ['explained', ask(client, 'POST', `${things}/_explain`, find)],
  ]
  const texts = Object.fromEntries(await Promise.all(answers.map(async ([name, text]) => [name, await text] as const)))
  const info = JSON.parse(await get(things)) as Record<string, unknown>
  // The number of a sequence stays; what follows it is another after a restore.
  const numberOf = (seq: unknown) => Number.parseInt(`${seq}`, 10)
  texts['counts'] = JSON.stringify([info['doc_count'], info['doc_del_count'], numberOf(info['update_seq'])])
  texts['strange id'] = (texts['strange id'] ?? '').replace(/("_local_seq": ?"\d+)-[\w-]+/, '$1')
  // Two people's databases have the same name apart from the part that is the host.
  texts['explained'] = JSON.stringify({ ...JSON.parse(texts['explained'] ?? ''), dbname: undefined })
  return texts
}

const outside = (url: string) => ({ HEARTH_DATABASE_URL: url })

/** Runs `hearth backup` or `restore` on the data of a server. */
async function run(args: readonly string[], where: { dataDir?: string; url?: string | undefined }) {
  const { dataDir = place('unused'), url } = where
  return runHearth([...args, '--data-dir', dataDir, ...(url ? ['--allow-local-objects'] : [])], {
    env: url ? outside(url) : {},
  })
}

/** The comparison of two views is worth as much as what the first one shows. */
function expectRich(seen: Record<string, string>): void {
  for (const digit of ['a', 'd', 'e']) expect(seen['leaves']).toContain(rev(digit))
  for (const text of ['\\u0000', '1e+300', '12345678901234567000.0']) expect(seen['raw text']).toContain(text)
  expect(seen['explained']).toContain('_design/by-kind')
  expect(JSON.parse(seen['found'] ?? '').docs.length).toBeGreaterThan(20)
  expect(JSON.parse(seen['old revision'] ?? '').turn).toBe(1)
  expect(seen['tombstone']).toMatch(/"_deleted": ?true/)
}

async function succeeds(args: readonly string[], where: Parameters<typeof run>[1]): Promise<string> {
  const { code, stderr } = await run(args, where)
  expect(stderr).not.toContain('hearth:')
  expect(code).toBe(0)
  return stderr
}

async function fails(args: readonly string[], where: Parameters<typeof run>[1], message: RegExp): Promise<void> {
  const { code, stdout, stderr } = await run(args, where)
  expect(stderr).toMatch(message)
  expect(stderr).not.toMatch(/ at .*\.ts:\d/)
  expect([code, stdout]).toEqual([1, ''])
}

/** The same person at another server with the restored data: the token is the old one. */
async function reopened(before: Client, options: Parameters<typeof startServer>[0]): Promise<Client> {
  const server = await startServer({
    ...options,
    env: { HEARTH_ADMIN_PASSPHRASE: before.server.passphrase, ...options?.env },
  })
  expect(server.output.stdout).not.toMatch(/First instance|Admin passphrase|Token for/)
  expect(server.domain).toBe(before.domain)
  return { ...before, server }
}

async function opened(options: Parameters<typeof startServer>[0]): Promise<Client> {
  const server = await startServer({ ...options, env: { HEARTH_ADMIN_PASSPHRASE: undefined, ...options?.env } })
  return { server, domain: server.domain, token: await server.token('*') }
}

test(
  'everything that clients see is the same on another data directory',
  async () => {
    const before = await opened({})
    await fill(before)
    const seen = await view(before)
    expectRich(seen)
    const [file, second, dataDir] = [place('running.hearth'), place('stopped.hearth'), place('data')]
    const said = await succeeds(['backup', file], { dataDir: before.server.dataDir })
    expect(said).toMatch(/saved \d+ databases, \d+ documents \(\d+ deleted\), \d+ revisions of PostgreSQL 18/)
    expect(statSync(file).mode & 0o777).toBe(0o600)

    for (let n = 0; n < 3; n += 1) await ask(before, 'PUT', `${things}/after-the-backup-${n}`, { n })
    const beyond = (JSON.parse(await ask(before, 'GET', `${things}`)) as { update_seq: string }).update_seq
    await succeeds(['restore', file], { dataDir })
    const after = await reopened(before, { dataDir })
    try {
      expect(await view(after)).toEqual(seen)
      await ask(after, 'PUT', `${things}/later`, { goes: 'on' })
      // Who had seen more than the backup holds reads from the start, not from a place that means other changes now.
      const changes = JSON.parse(await ask(after, 'GET', `${things}/_changes?since=${beyond}`)) as { results: object[] }
      expect(changes.results).toHaveLength(
        Number(JSON.parse(await ask(after, 'GET', `${things}/_changes`)).results.length),
      )
      expect(JSON.parse(await ask(after, 'GET', '/couchdb/_all_dbs'))).toContain('org.example.things')
      await ask(after, 'PUT', '/couchdb/org.example.more')
    } finally {
      await after.server.stop()
    }

    // The stopped one is backed up again, through a pipe this time, and stays stopped.
    const sh = (line: string) => {
      const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
      const command = line.replace('HEARTH', hearthCommand().map(quote).join(' '))
      return spawnSync('sh', ['-c', `set -e; ${command}`], { env: hearthEnvironment(), encoding: 'utf8' })
    }
    const piped = place('piped')
    expect(sh(`HEARTH backup - --data-dir ${dataDir} | cat > ${second}`).status).toBe(0)
    expect(existsSync(join(dataDir, 'hearth.lock'))).toBe(false)
    expect(existsSync(join(dataDir, 'pg/18/data/postmaster.pid'))).toBe(false)
    const restored = sh(`cat ${second} | HEARTH restore - --data-dir ${piped}`)
    expect([restored.status, restored.stdout]).toEqual([0, ''])
    await fails(['restore', second], { dataDir: piped }, /The database is not empty/)
    await fails(
      ['restore', second],
      { dataDir: before.server.dataDir },
      /Another Hearth, process \d+, serves this data directory/,
    )
    await before.server.stop()
  },
  patience,
)

describe.skipIf(postgresBin() === undefined)('from one PostgreSQL to another', () => {
  test(
    'from 15 to the embedded 18, and back',
    async () => {
      const postgres = await sharedPostgres()
      const before = await opened({ database: 'external' })
      await fill(before)
      const seen = await view(before)
      const [from15, from18, dataDir] = [place('15.hearth'), place('18.hearth'), place('data')]
      expect(await succeeds(['backup', from15], { url: before.server.databaseUrl })).toContain('of PostgreSQL 15')
      await before.server.stop()

      await succeeds(['restore', from15], { dataDir })
      const embedded = await reopened(before, { dataDir })
      expect(await view(embedded)).toEqual(seen)
      await succeeds(['backup', from18], { dataDir })
      await embedded.server.stop()

      const url = await postgres.createDatabase()
      await fails(['backup', place('nothing')], { url }, /There is nothing to back up/)
      await succeeds(['restore', from18], { url })
      await fails(['restore', from18], { url }, /The database is not empty/)
      const back = await reopened(before, { env: outside(url) })
      expect(await view(back)).toEqual(seen)
      await back.server.stop()
    },
    patience,
  )
})

test(
  'the stored admin passphrase is the one that counts after a restore',
  async () => {
    const before = await opened({})
    const [file, dataDir] = [place('a.hearth'), place('data')]
    await succeeds(['backup', file], { dataDir: before.server.dataDir })
    await before.server.stop()
    await succeeds(['restore', file], { dataDir })
    // No passphrase is given, so the harness cannot ask the admin API: it is asked here.
    const [program, ...leading] = hearthCommand()
    const flags = [
      '--port',
      'off',
      '--sync-port',
      'off',
      '--appliance-port',
      'off',
      '--admin-port',
      '0',
      '--data-dir',
      dataDir,
    ]
    const child = Bun.spawn([program, ...leading, 'serve', ...flags], {
      env: hearthEnvironment(),
      stdout: 'pipe',
      stderr: 'ignore',
    })
    try {
      const listeners = join(dataDir, 'listeners.json')
      for (const deadline = Date.now() + 30_000; !existsSync(listeners) && Date.now() < deadline; ) await Bun.sleep(20)
      const { admin } = JSON.parse(readFileSync(listeners, 'utf8')) as { admin: { url: string } }
      const status = async (passphrase: string) => {
        const headers = { authorization: `Basic ${btoa(`admin:${passphrase}`)}` }
        return (await before.server.fetch(`${admin.url.replace('localhost', '127.0.0.1')}/instances`, { headers }))
          .status
      }
      expect([await status(before.server.passphrase), await status('wrong')]).toEqual([200, 403])
    } finally {
      child.kill()
      expect(await new Response(child.stdout).text()).not.toMatch(/First instance|shown only now/)
    }
  },
  patience,
)

test(
  'a damaged backup is refused, and the data directory still takes the good one',
  async () => {
    const before = await opened({})
    await fill(before)
    const [file, bad, dataDir] = [place('good.hearth'), place('bad.hearth'), place('data')]
    await succeeds(['backup', file], { dataDir: before.server.dataDir })
    await before.server.stop()
    const good = readFileSync(file)
    const flipped = Buffer.from(good)
    flipped[good.length >> 1] = (flipped[good.length >> 1] ?? 0) ^ 16
    for (const [bytes, message] of [
      [good.subarray(0, good.length >> 1), /The backup is damaged|PostgreSQL refuses/],
      [good.subarray(0, -20), /The backup is damaged, or no backup at all: it ends too early/],
      [flipped, /The backup is damaged|PostgreSQL refuses/],
      [Buffer.alloc(0), /no backup at all/],
    ] as const) {
      writeFileSync(bad, bytes)
      await fails(['restore', bad], { dataDir }, message)
    }
    await fails(['restore', place('missing')], { dataDir }, /cannot be read: there is no such file/)
    await succeeds(['restore', file], { dataDir })
  },
  patience,
)

describe('the file', () => {
  test(
    'appears whole or not at all, and is not overwritten unasked',
    async () => {
      const before = await opened({})
      const { dataDir } = before.server
      const target = place('target')
      mkdirSync(target)
      writeFileSync(join(target, 'mine'), 'precious')
      await fails(['backup', join(target, 'mine')], { dataDir }, /mine exists already: .* --force/)
      expect(readFileSync(join(target, 'mine'), 'utf8')).toBe('precious')
      await fails(
        ['backup', join(target, 'no/such/folder')],
        { dataDir },
        /cannot be written: there is no such file or folder/,
      )
      await fails(['backup', target, '--force'], { dataDir }, /cannot be written/)
      expect(readdirSync(target)).toEqual(['mine'])
      await succeeds(['backup', join(target, 'mine'), '--force'], { dataDir })
      expect(readdirSync(target).sort()).toEqual(['mine', 'mine.key'])
      await fails(['backup', place('x')], { dataDir: place('nobody') }, /There is nothing to back up/)
      await before.server.stop()
    },
    patience,
  )
})

/** Rows of a table in a backup; `\t`, `\n` and `\\` inside values are escaped, so that splitting is enough for numbers. */
async function tableOf(file: string, name: string): Promise<string[][]> {
  const entries = await unpackTar(gunzipSync(readFileSync(file)))
  const parts = entries
    .filter(({ header }) => header.name.startsWith(`tables/${name}/`))
    .map(({ data }) => data ?? new Uint8Array())
  const lines = Buffer.concat(parts).toString('utf8').split('\n').slice(0, -1)
  return lines.map((line) => line.split('\t'))
}

test(
  'a backup under concurrent writes is one consistent cut',
  async () => {
    const before = await opened({})
    await Promise.all([0, 1, 2, 3].map((n) => ask(before, 'PUT', `/couchdb/org.example.busy${n}`)))
    let stop = false
    let writes = 0
    const writer = async (n: number) => {
      const path = `/couchdb/org.example.busy${n % 4}`
      for (let turn = 0; !stop; turn++) {
        const id = `w${n}-${turn % 50}`
        const docs = [
          { _id: `${id}-a`, turn },
          { _id: `${id}-b`, turn },
        ]
        const done = JSON.parse(await ask(before, 'POST', `${path}/_bulk_docs`, { docs })) as {
          rev?: string
          id: string
        }[]
        writes += done.length
        if (done[0]?.rev && turn % 3 === 0) await ask(before, 'DELETE', `${path}/${done[0].id}?rev=${done[0].rev}`)
      }
    }
    const writers = Array.from({ length: 8 }, (_, n) => writer(n))
    const files: string[] = []
    for (let round = 0; round < 3; round++) {
      const file = place('busy.hearth')
      const written = writes
      await succeeds(['backup', file], { dataDir: before.server.dataDir })
      expect(writes).toBeGreaterThan(written)
      files.push(file)
    }
    stop = true
    await Promise.all(writers)
    await before.server.stop()

    for (const file of files) {
      const docs = await tableOf(file, 'docs')
      const databases = await tableOf(file, 'databases')
      expect(databases.filter(([, , name]) => name?.startsWith('org.example.busy')).length).toBe(4)
      for (const [db, , name, updateSeq, docCount, deletedCount] of databases) {
        const mine = docs.filter((row) => row[0] === db)
        const last = mine.reduce((max, row) => Math.max(max, Number(row[2])), 0)
        const deleted = mine.filter((row) => row[6] === 't').length
        expect([name, last, mine.length - deleted, deleted]).toEqual([
          name,
          Number(updateSeq),
          Number(docCount),
          Number(deletedCount),
        ])
      }
    }
    await succeeds(['restore', files[2]!], { dataDir: place('data') })
  },
  patience,
)

test(
  'Ctrl-C leaves no half of a file and lets the server go on',
  async () => {
    const before = await opened({})
    const bulk = (n: number) => ({
      docs: Array.from({ length: 20 }, (_, at) => ({ _id: `${n}-${at}`, noise: noise() })),
    })
    await ask(before, 'PUT', things)
    for (let n = 0; n < 10; n++) await ask(before, 'POST', `${things}/_bulk_docs`, bulk(n))
    const target = place('target')
    mkdirSync(target)
    const [program, ...leading] = hearthCommand()
    const args = [...leading, 'backup', join(target, 'file'), '--data-dir', before.server.dataDir]
    const child = Bun.spawn([program, ...args], { env: hearthEnvironment(), stderr: 'pipe' })
    while (readdirSync(target).length === 0 && child.exitCode === null) await Bun.sleep(5)
    child.kill('SIGINT')
    expect(await child.exited).toBe(1)
    expect(await new Response(child.stderr).text()).toContain('Stopped by SIGINT')
    expect(readdirSync(target)).toEqual([])
    await ask(before, 'PUT', `${things}/still`, { here: true })
    await before.server.stop()
  },
  patience,
)

function noise(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(60_000))).toString('base64')
}
