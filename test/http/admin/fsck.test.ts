/**
 * The check of an instance's files on the real server: every kind of finding is produced by a real damage, done past the
 * server in its database or through the routes for objects, and found with its exact line.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { closeSync, openSync, readdirSync, renameSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import postgres from 'postgres'
import { findingTypes } from '../../../src/fsck/finding.ts'
import { startMinio } from '../../support/minio.ts'
import { postgresBin } from '../../support/postgres.ts'
import { runHearth, startServer, type TestServer } from '../../support/server.ts'
import { type Line, type Members, newStage, type Stage } from './files-stage.ts'
import { objectPlaces } from './object-places.ts'

setDefaultTimeout(60_000)

const md5 = (content: string | Uint8Array) => createHash('md5').update(content).digest('base64')
const trash = 'io.cozy.files.trash-dir'

/** A file's document as a finding shows it. */
async function fileDoc(stage: Stage, id: string, path: string, more: Members = {}): Promise<Members> {
  const { metadata: _metadata, path: _path, ...members } = await stage.stored(id)
  // Said only when they are true.
  for (const name of ['trashed', 'executable', 'encrypted']) if (members[name] === false) delete members[name]
  return { ...members, path, is_dir: false, is_orphan: false, has_cycle: false, ...more }
}

async function dirDoc(stage: Stage, id: string, more: Members = {}): Promise<Members> {
  return { ...(await stage.stored(id)), size: '0', is_dir: true, is_orphan: false, has_cycle: false, ...more }
}

const aboutFile = { is_file: true, is_version: false }
const aboutNone = { is_file: false, is_version: false }
const aboutVersion = { is_file: false, is_version: true }

/** Makes one damage and says which lines must tell of it. */
type Fault = (stage: Stage) => Promise<readonly Members[]>

const indexFaults: Readonly<Record<string, Fault>> = {
  'a second live leaf of a file': async (stage) => {
    const id = await stage.file('a.txt', 'a')
    await addLeaf(stage, id)
    return [{ type: 'conflict_in_index', file_doc: await fileDoc(stage, id, '/a.txt'), ...aboutFile }]
  },
  'a second live leaf of a directory': async (stage) => {
    const id = await stage.directory('d')
    await addLeaf(stage, id)
    return [{ type: 'conflict_in_index', dir_doc: await dirDoc(stage, id), ...aboutNone }]
  },
  'no root': async (stage) => {
    await stage.directory('d')
    await stage.remove(stage.root)
    return [{ type: 'index_missing_root', ...aboutNone }]
  },
  'no trash': async (stage) => {
    await stage.file('a.txt', 'a')
    await stage.remove(trash)
    return [{ type: 'index_missing_trash', ...aboutNone }]
  },
  'a file in a directory that does not exist': async (stage) => {
    const id = await stage.file('a.txt', 'a')
    await stage.damage(id, { dir_id: 'nowhere' })
    const file_doc = await fileDoc(stage, id, '/.cozy_orphans/a.txt', { is_orphan: true })
    return [{ type: 'index_orphan_tree', file_doc, ...aboutFile }]
  },
  'a directory whose parent does not exist: only the top': async (stage) => {
    const top = await stage.directory('top')
    await stage.file('a.txt', 'a', await stage.directory('below', top))
    await stage.damage(top, { dir_id: 'nowhere' })
    return [{ type: 'index_orphan_tree', dir_doc: await dirDoc(stage, top, { is_orphan: true }), ...aboutNone }]
  },
  'a cycle of two directories': async (stage) => {
    const one = await stage.directory('one')
    const two = await stage.directory('two', one)
    await stage.damage(one, { dir_id: two })
    const docs = await Promise.all([one, two].sort().map((id) => dirDoc(stage, id, { has_cycle: true })))
    return docs.map((dir_doc) => ({ type: 'index_orphan_tree', dir_doc, ...aboutNone }))
  },
  'another path': async (stage) => {
    const id = await stage.directory('d', await stage.directory('above'))
    await stage.damage(id, { path: '/elsewhere/d' })
    const dir_doc = await dirDoc(stage, id)
    return [{ type: 'index_bad_fullpath', dir_doc, ...aboutNone, expected_fullpath: '/above/d' }]
  },
  'a file that has a path': async (stage) => {
    const id = await stage.file('a.txt', 'a', await stage.directory('d'))
    await stage.damage(id, { path: '/elsewhere' })
    return [{ type: 'index_file_with_path', file_doc: await fileDoc(stage, id, '/d/a.txt'), ...aboutNone }]
  },
  'two files of one name': async (stage) => {
    await stage.file('a.txt', 'a')
    const id = await stage.file('b.txt', 'b')
    await stage.damage(id, { name: 'a.txt' })
    return [{ type: 'index_duplicate_name', file_doc: await fileDoc(stage, id, '/a.txt'), ...aboutNone }]
  },
  'a file and a directory of one name': async (stage) => {
    const id = await stage.directory('a.txt')
    await stage.damage(await stage.file('b.txt', 'b'), { name: 'a.txt' })
    return [{ type: 'index_duplicate_name', dir_doc: await dirDoc(stage, id), ...aboutNone }]
  },
  'trashed outside the trash': async (stage) => {
    const id = await stage.file('a.txt', 'a')
    await stage.damage(id, { trashed: true })
    return [{ type: 'trashed_not_in_trash', file_doc: await fileDoc(stage, id, '/a.txt'), ...aboutNone }]
  },
  'not trashed inside it': async (stage) => {
    const id = await stage.file('a.txt', 'a')
    expect((await stage.api('DELETE', `/files/${id}`)).status).toBe(200)
    await stage.damage(id, { trashed: false })
    const file_doc = await fileDoc(stage, id, '/.cozy_trash/a.txt')
    return [{ type: 'not_trashed_in_trash', file_doc, ...aboutNone }]
  },
  'a version of no file': async (stage) => {
    const { fileId, version } = await withVersion(stage)
    await stage.remove(fileId)
    // The current content has lost its document too.
    return [
      { type: 'file_missing', version_doc: version, ...aboutVersion },
      expect.objectContaining({ type: 'index_missing' }),
    ]
  },
}

const storageFaults: Readonly<Record<string, Fault>> = {
  'another content of another size': async (stage) => {
    const id = await stage.file('a.txt', 'before', await stage.directory('d'))
    await stage.putObject(await stage.objectOf(id), 'afterwards')
    const content_mismatch = {
      size_index: 6,
      size_file: 10,
      md5sum_index: md5('before'),
      md5sum_file: md5('afterwards'),
    }
    const file_doc = await fileDoc(stage, id, '/d/a.txt')
    return [{ type: 'content_mismatch', file_doc, ...aboutFile, content_mismatch }]
  },
  'another content of the same size': async (stage) => {
    const id = await stage.file('a.txt', 'before')
    await stage.putObject(await stage.objectOf(id), 'behind')
    const content_mismatch = { size_index: 6, size_file: 6, md5sum_index: md5('before'), md5sum_file: md5('behind') }
    return [{ type: 'content_mismatch', file_doc: await fileDoc(stage, id, '/a.txt'), ...aboutFile, content_mismatch }]
  },
  'another size in the document': async (stage) => {
    const id = await stage.file('a.txt', 'a')
    await stage.damage(id, { size: '9007199254740' })
    const sums = { md5sum_index: md5('a'), md5sum_file: md5('a') }
    const content_mismatch = { size_index: 9_007_199_254_740, size_file: 1, ...sums }
    return [{ type: 'content_mismatch', file_doc: await fileDoc(stage, id, '/a.txt'), ...aboutFile, content_mismatch }]
  },
  'another content of a version': async (stage) => {
    const { version, object } = await withVersion(stage)
    await stage.putObject(object, '')
    const content_mismatch = { size_index: 3, size_file: 0, md5sum_index: md5('old'), md5sum_file: md5('') }
    return [{ type: 'content_mismatch', version_doc: version, ...aboutVersion, content_mismatch }]
  },
  'no content': async (stage) => {
    const id = await stage.file('a.txt', 'a')
    await stage.deleteObject(await stage.objectOf(id))
    return [{ type: 'filesystem_missing', file_doc: await fileDoc(stage, id, '/a.txt'), ...aboutFile }]
  },
  'no content of an orphan': async (stage) => {
    const id = await stage.file('a.txt', 'a')
    await stage.deleteObject(await stage.objectOf(id))
    await stage.damage(id, { dir_id: 'nowhere' })
    const place = '/.cozy_orphans/a.txt'
    return [
      { type: 'index_orphan_tree', file_doc: await fileDoc(stage, id, place, { is_orphan: true }), ...aboutFile },
      { type: 'filesystem_missing', file_doc: await fileDoc(stage, id, place), ...aboutFile },
    ]
  },
  'no content of a version': async (stage) => {
    const { version, object } = await withVersion(stage)
    await stage.deleteObject(object)
    return [{ type: 'filesystem_missing', version_doc: version, ...aboutVersion }]
  },
  'a document that names what can be no object': async (stage) => {
    const id = await stage.file('a.txt', 'a')
    const object = await stage.objectOf(id)
    await stage.damage(id, { internal_vfs_id: 'x'.repeat(2_000) })
    await stage.deleteObject(object)
    return [{ type: 'filesystem_missing', file_doc: await fileDoc(stage, id, '/a.txt'), ...aboutFile }]
  },
  'a content of no document': async (stage) => {
    const name = '67a88b22520680b1fae840/9a8a0/18d02/iYbkfuCDEMaVoIXg'
    await stage.putObject(name, 'this is my content', 'image/png; x=y')
    const line = unknownObject(name, '67a88b22520680b1fae8409a8a018d02', 'iYbkfuCDEMaVoIXg', 'this is my content')
    return [{ ...line, file_doc: { ...line.file_doc, mime: 'image/png', class: 'image' } }]
  },
  'a former content of a file that exists': async (stage) => {
    const id = await stage.file('a.txt', 'a')
    const object = `${(await stage.objectOf(id)).slice(0, -16)}0123456789abcdef`
    await stage.putObject(object, '')
    return [unknownObject(object, id, '0123456789abcdef', '')]
  },
  'an object that is no content at all': async (stage) => {
    await stage.putObject('junk', 'x')
    await stage.putObject('odd/ü %2F/+', 'y')
    return [unknownObject('junk', 'junk', '', 'x'), unknownObject('odd/ü %2F/+', 'odd', 'ü %2F/+', 'y')]
  },
  'a thumbnail of no file': async (stage) => {
    await stage.putObject('thumbs/x-tiny', 'x')
    await stage.putObject('thumbs/67a88b22520680b1fae840/9a8a0/18d02-large', 'x')
    const names = {
      x: 'thumbs/x-tiny',
      '67a88b22520680b1fae8409a8a018d02': 'thumbs/67a88b22520680b1fae840/9a8a0/18d02-large',
    }
    const lines = Object.entries(names).map(([_id, name]) => ({
      type: 'thumbnail_with_no_file',
      file_doc: { type: 'file', _id, name, size: '0', is_dir: false, is_orphan: false, has_cycle: false },
      ...aboutFile,
    }))
    return lines.reverse()
  },
  'a content under the id of a directory': async (stage) => {
    const id = await stage.directory('d')
    const object = `${id.slice(0, 22)}/${id.slice(22, 27)}/${id.slice(27)}/0123456789abcdef`
    await stage.putObject(object, 'x')
    const { file_doc } = unknownObject(object, id, '0123456789abcdef', 'x')
    return [{ type: 'type_mismatch', file_doc, dir_doc: await dirDoc(stage, id), ...aboutNone }]
  },
}

/** What is said of an object that no document knows. */
function unknownObject(_name: string, _id: string, internal_vfs_id: string, content: string) {
  const file_doc = {
    type: 'file',
    _id,
    name: 'unknown',
    created_at: expect.stringMatching(/^20\d\d-.*Z$/),
    updated_at: expect.stringMatching(/^20\d\d-.*Z$/),
    tags: null,
    path: '/.cozy_orphans/unknown',
    size: `${Buffer.byteLength(content)}`,
    mime: 'text/plain',
    class: 'text',
    md5sum: md5(content),
    internal_vfs_id,
    is_dir: false,
    is_orphan: false,
    has_cycle: false,
  }
  return { type: 'index_missing', file_doc, ...aboutFile }
}

/** A file with a version, and what is stored of the version. */
async function withVersion(stage: Stage): Promise<{ fileId: string; version: Members; object: string }> {
  const fileId = await stage.file('v.txt', 'old')
  const object = await stage.objectOf(fileId)
  const kept = await stage.api('PUT', `/files/${fileId}`, {
    body: 'new one',
    headers: { 'content-type': 'text/plain' },
  })
  expect(kept.status).toBe(200)
  expect(await stage.objectOf(fileId)).not.toBe(object)
  const { metadata: _metadata, ...version } = await stage.stored(
    `${fileId}/${object.slice(-16)}`,
    'io.cozy.files.versions',
  )
  return { fileId, version, object }
}

async function addLeaf(stage: Stage, id: string): Promise<void> {
  const db = await stage.database()
  const { _id, _rev, ...members } = await stage.stored(id)
  await sqlOf(stage)`
    INSERT INTO revs (db, id, gen, hash, deleted, leaf, body)
    VALUES (${db}, ${id}, 1, ${'f'.repeat(32)}, false, true, ${JSON.stringify(members)})`
  await sqlOf(stage)`UPDATE docs SET leaves = 2 WHERE db = ${db} AND id = ${id}`
}

const connections = new WeakMap<Stage, postgres.Sql>()
const sqlOf = (stage: Stage) => connections.get(stage) as postgres.Sql

const sorted = (lines: readonly Members[]) =>
  [...lines].sort((a, b) => (String(a['type']) < String(b['type']) ? -1 : 1))

const places = postgresBin() === undefined ? [] : objectPlaces()

describe.each(places)('fsck, objects in $name', ({ env }) => {
  let server: TestServer
  let sql: postgres.Sql
  const seen = new Set<string>()
  const stageOf = async () => {
    const stage = await newStage(server, sql)
    connections.set(stage, sql)
    return stage
  }
  const check = async (fault: Fault) => {
    const stage = await stageOf()
    await stage.file('bystander.txt', 'unharmed')
    expect(await stage.fsck()).toEqual([])
    const expected = await fault(stage)
    const found = await stage.fsck()
    for (const { type } of found) seen.add(type)
    expect(sorted(found) as unknown[]).toEqual(sorted(expected))
    return { stage, found }
  }

  beforeAll(async () => {
    server = await startServer({ database: 'external', env: await env() })
    sql = postgres(server.databaseUrl ?? '', { max: 2, onnotice: () => {} })
  })
  afterAll(async () => {
    await sql?.end()
    await server?.stop()
  })

  test.each(Object.entries(indexFaults))('%s', async (_, fault) => {
    const { stage, found } = await check(fault)
    expect(await stage.fsck('?IndexIntegrity=1')).toEqual(found.filter(({ type }) => type !== 'index_missing'))
  })

  test.each(Object.entries(storageFaults))('%s', async (_, fault) => {
    const { stage, found } = await check(fault)
    expect(await stage.fsck('?FilesConsistency=true')).toEqual(found.filter(({ type }) => type !== 'index_orphan_tree'))
    expect(await stage.fsck('?FilesConsistency=true&Hash=1')).toEqual(
      found.filter(({ type }) => type !== 'index_orphan_tree'),
    )
  })

  test('every type but none else was produced', () => {
    expect([...seen].sort()).toEqual([...findingTypes].sort())
  })

  test('what belongs to nobody by its nature, or to somebody, is no finding', async () => {
    const stage = await stageOf()
    const id = await stage.file('photo.jpg', 'x')
    await stage.putObject('avatar', 'face')
    const object = await stage.objectOf(id)
    await stage.putObject(`thumbs/${object.slice(0, -17)}-tiny`, 'x')
    await stage.putObject(`thumbs/${id}-large`, 'x')
    await withVersion(stage)
    expect(await stage.fsck()).toEqual([])
  })

  test('an upload under way is no finding, before its end and after it', async () => {
    const stage = await stageOf()
    const pieces = Array.from({ length: 4 }, () => Buffer.alloc(100_000, 'x'))
    let go: () => void = () => {}
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    async function* slowly() {
      yield* pieces
      await gate
      yield Buffer.from('end')
    }
    const body = Readable.from(slowly())
    const headers = { 'content-type': 'text/plain', 'content-length': '400003' }
    const upload = stage.api('POST', '/files/?Type=file&Name=slow.txt', { body, headers })
    for (let round = 0; round < 3; round++) expect(await stage.fsck()).toEqual([])
    go()
    expect((await upload).status).toBe(201)
    expect(await stage.fsck('?Hash=true')).toEqual([])
  })

  test('writes all the time give no line, but a damage meanwhile does', async () => {
    const stage = await stageOf()
    const directories = await Promise.all(['a', 'b', 'c'].map((name) => stage.directory(name)))
    const bad = await stage.file('bad.txt', 'bad')
    await stage.deleteObject(await stage.objectOf(bad))
    let running = true
    let written = 0
    const writer = async (number: number) => {
      for (let round = 0; running; round++) {
        const at = directories[round % 3] ?? ''
        const id = await stage.file(`f-${number}-${round}`, `${round}`, at)
        written += 1
        await stage.api('PUT', `/files/${id}`, { body: `again ${round}`, headers: { 'content-type': 'text/plain' } })
        const attributes = { name: `g-${number}-${round}`, dir_id: directories[(round + 1) % 3] }
        const moved = { data: { type: 'io.cozy.files', id, attributes } }
        const headers = { 'content-type': 'application/vnd.api+json' }
        await stage.api('PATCH', `/files/${id}`, { body: JSON.stringify(moved), headers })
        if (round % 3 === 0) await stage.api('DELETE', `/files/${id}`)
        if (round % 6 === 0) await stage.api('DELETE', `/files/trash/${id}`)
        const rename = { data: { type: 'io.cozy.files', id: at, attributes: { name: `d-${number}-${round}` } } }
        await stage.api('PATCH', `/files/${at}`, { body: JSON.stringify(rename), headers })
      }
    }
    const writers = [1, 2, 3].map(writer)
    try {
      while (written < 60) {
        expect((await stage.fsck()).map(({ type, file_doc }) => [type, (file_doc as Members)['_id']])).toEqual([
          ['filesystem_missing', bad],
        ])
      }
    } finally {
      running = false
      await Promise.all(writers)
    }
    expect((await stage.fsck()).length).toBe(1)
  })

  test('FailFast ends everything with the first line; which phases run follows the parameters', async () => {
    const stage = await stageOf()
    const one = await stage.file('one.txt', '1')
    const two = await stage.file('two.txt', '2')
    await stage.damage(one, { trashed: true })
    await stage.damage(two, { trashed: true })
    await stage.deleteObject(await stage.objectOf(one))
    await stage.putObject('junk', 'x')
    const types = async (query: string) => (await stage.fsck(query)).map(({ type }) => type)
    const index = ['trashed_not_in_trash', 'trashed_not_in_trash']
    const storage = ['filesystem_missing', 'index_missing']
    const table: readonly (readonly [string, readonly string[]])[] = [
      ['', [...index, ...storage]],
      ['?IndexIntegrity=0&FilesConsistency=F', [...index, ...storage]],
      ['?IndexIntegrity=yes&FilesConsistency=2&FailFast=on', [...index, ...storage]],
      ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((yes) => [`?IndexIntegrity=${yes}`, index] as const),
      ['?FilesConsistency=T', storage],
      ['?IndexIntegrity=true&FilesConsistency=true', index],
      ['?FailFast=1', index.slice(1)],
      ['?FailFast=True&IndexIntegrity=t', index.slice(1)],
      ['?FailFast=true&FilesConsistency=t', storage.slice(0, 1)],
      ['?FailFast=false', [...index, ...storage]],
    ]
    for (const [query, expected] of table) expect([query, await types(query)]).toEqual([query, [...expected]])
  })

  test('answers lines, sends its head first, and tells who may not ask', async () => {
    const stage = await stageOf()
    const path = `/instances/${stage.domain}/fsck`
    const answer = await stage.admin('GET', path)
    expect([answer.status, await answer.text()]).toEqual([200, ''])
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson')
    expect((await stage.admin('HEAD', path)).status).toBe(200)
    expect((await stage.admin('GET', path, { headers: { authorization: '' } })).status).toBe(401)
    expect((await stage.admin('GET', path, { headers: { authorization: 'Basic eDp5' } })).status).toBe(403)
    const unknown = await stage.admin('GET', '/instances/nobody.localhost/fsck')
    expect([unknown.status, (await unknown.json()).errors[0].detail]).toEqual([404, 'Instance not found'])
    expect((await stage.admin('GET', '/instances/a%20b/fsck')).status).toBe(422)
    expect((await stage.admin('GET', `${path}?FailFast=%ff`)).status).toBe(400)
    expect((await stage.admin('POST', path)).status).toBe(404)
  })

  test('without a database of files there is one line', async () => {
    const stage = await stageOf()
    await stage.file('a.txt', 'a')
    await sql`DELETE FROM databases WHERE db = ${await stage.database()}`
    const line = { type: 'no_database', error: 'Database does not exist.' }
    for (const query of ['', '?FilesConsistency=1']) expect(await stage.fsck(query)).toEqual([line])
  })

  test('the command line prints the lines and fails when there are any', async () => {
    const stage = await stageOf()
    const env = { HEARTH_ADMIN_URL: server.adminUrl, HEARTH_ADMIN_PASSPHRASE: server.passphrase }
    const id = await stage.file('a.txt', 'a')
    expect(await runHearth(['fsck', stage.domain], { env })).toEqual({ code: 0, stdout: '', stderr: '' })
    await stage.putObject('junk', 'x')
    await stage.damage(id, { trashed: true })
    const both = await runHearth(['fsck', stage.domain, '--index', '--files'], { env })
    const types = (stdout: string) =>
      stdout
        .split('\n')
        .slice(0, -1)
        .map((line) => (JSON.parse(line) as Line).type)
    expect([both.code, types(both.stdout)]).toEqual([1, ['trashed_not_in_trash', 'index_missing']])
    expect(both.stderr).toBe('hearth: 2 lines say that something is wrong\n')
    expect(types((await runHearth(['fsck', stage.domain, '--files', '--hash'], { env })).stdout)).toEqual([
      'index_missing',
    ])
    expect(types((await runHearth(['fsck', stage.domain, '--fail-fast'], { env })).stdout)).toHaveLength(1)
    const nobody = await runHearth(['fsck', 'nobody.localhost'], { env })
    expect(nobody).toEqual({ code: 1, stdout: '', stderr: 'hearth: Instance not found\n' })
  })

  test('GET /files/fsck remembers what it found until it is asked to look', async () => {
    const stage = await stageOf()
    const id = await stage.file('a.txt', 'before')
    const ask = async (query = '') => {
      const answer = await stage.api('GET', `/files/fsck${query}`)
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json'])
      return (await answer.json()) as unknown
    }
    expect(await ask()).toEqual([])
    await stage.putObject(await stage.objectOf(id), 'behind')
    await stage.damage(id, { trashed: true })
    expect(await ask()).toEqual([])
    const lines = (await stage.fsck()).filter(({ type }) => type === 'content_mismatch')
    expect(lines).toHaveLength(1)
    expect(await ask('?NoCache=true')).toEqual(lines)
    await stage.putObject(await stage.objectOf(id), 'before')
    expect(await ask()).toEqual(lines)
    expect(await ask('?NoCache=true')).toEqual([])
    expect(await ask()).toEqual([])
  })

  test('GET /files/fsck needs GET on all files', async () => {
    const stage = await stageOf()
    const statusOf = async (authorization: string) =>
      (await stage.api('GET', '/files/fsck', { headers: { authorization } })).status
    const bearer = async (scope: string) => `Bearer ${await server.token(scope, { domain: stage.domain })}`
    expect(await statusOf('')).toBe(401)
    expect(await statusOf('Bearer x')).toBe(400)
    expect(await statusOf(await bearer('io.cozy.files:POST'))).toBe(403)
    expect(await statusOf(await bearer(`io.cozy.files:GET:${stage.root}`))).toBe(403)
    expect(await statusOf(await bearer('io.cozy.files:GET'))).toBe(200)
  })
})

describe.each(places.slice(0, 1))('fsck, the folder of $name', ({ env }) => {
  let server: TestServer
  let sql: postgres.Sql
  let objects: string
  beforeAll(async () => {
    server = await startServer({ database: 'external', env: await env() })
    objects = join(server.dataDir, 'objects')
    sql = postgres(server.databaseUrl ?? '', { max: 2, onnotice: () => {} })
  })
  afterAll(async () => {
    await sql?.end()
    await server?.stop()
  })

  const pathOf = (name: string) => {
    const found = readdirSync(objects, { recursive: true, encoding: 'utf8' }).find(
      (path) => path.includes(name.slice(-16)) && statSync(join(objects, path)).isFile(),
    )
    return join(objects, found ?? 'none')
  }

  test('a disk that gives back other bytes is found by reading them only, a shorter file always', async () => {
    const stage = await newStage(server, sql)
    const id = await stage.file('a.txt', 'before')
    const path = pathOf(await stage.objectOf(id))
    const file = openSync(path, 'r+')
    writeSync(file, 'B', 0)
    closeSync(file)
    expect(await stage.fsck()).toEqual([])
    const [line, ...more] = await stage.fsck('?Hash=true')
    expect(more).toEqual([])
    expect(line).toMatchObject({
      type: 'content_mismatch',
      content_mismatch: { size_index: 6, size_file: 6, md5sum_index: md5('before'), md5sum_file: md5('Before') },
    })
    writeFileSync(path, 'bef')
    for (const query of ['', '?Hash=true']) {
      expect(await stage.fsck(query)).toMatchObject([
        {
          type: 'content_mismatch',
          content_mismatch: { size_index: 6, size_file: 3, md5sum_index: md5('before'), md5sum_file: md5('bef') },
        },
      ])
    }
  })

  test('5,000 files give no line, however they are looked at', async () => {
    const stage = await newStage(server, sql)
    const parents: string[] = []
    for (let number = 0; number < 25; number++) {
      parents.push(await stage.directory(`d${number}`, number < 5 ? undefined : parents[number % 5]))
    }
    let next = 0
    const worker = async () => {
      for (let number = next++; number < 5_000; number = next++) {
        await stage.file(`file ${number}`, `content ${number}`, parents[number % 25])
      }
    }
    await Promise.all(Array.from({ length: 24 }, worker))
    expect(await stage.fsck()).toEqual([])
    expect(await stage.fsck('?Hash=true&FilesConsistency=1')).toEqual([])
    const one = await stage.file('one', 'one')
    await stage.deleteObject(await stage.objectOf(one))
    expect((await stage.fsck()).map(({ type }) => type)).toEqual(['filesystem_missing'])
  }, 180_000)

  test('a client that leaves ends the check', async () => {
    const stage = await newStage(server, sql)
    for (let number = 0; number < 40; number++) await stage.putObject(`junk/${number}`, 'x')
    const client = new AbortController()
    const answer = await stage.admin('GET', `/instances/${stage.domain}/fsck`, { signal: client.signal })
    const reader = answer.body?.getReader()
    const first = await reader?.read()
    expect(Buffer.from(first?.value ?? []).toString()).toStartWith('{"type":"index_missing"')
    client.abort()
    expect((await stage.fsck()).length).toBe(40)
    expect(server.output.stderr).not.toContain('check of files failed')
  })

  test('a store that fails on the way is told in the last line; the status stays 200', async () => {
    const stage = await newStage(server, sql)
    const id = await stage.file('a.txt', 'a')
    await stage.damage(id, { trashed: true })
    renameSync(join(objects, 'data'), join(objects, 'away'))
    writeFileSync(join(objects, 'data'), 'no folder')
    try {
      const lines = await stage.fsck()
      expect(lines.map(({ type, error }) => type ?? error)).toEqual([
        'trashed_not_in_trash',
        expect.stringMatching(/^The folder that holds the files /),
      ])
      expect(Object.keys(lines.at(-1) ?? {})).toEqual(['error'])
    } finally {
      renameSync(join(objects, 'away'), join(objects, 'data-back'))
      renameSync(join(objects, 'data'), join(objects, 'no-folder'))
      renameSync(join(objects, 'data-back'), join(objects, 'data'))
    }
    expect((await stage.fsck()).map(({ type }) => type)).toEqual(['trashed_not_in_trash'])
  })
})

describe.skipIf(places.length < 2)('fsck, a MinIO server that goes away', () => {
  test('is told in the last line within a minute, and by a 503 where nothing was sent yet', async () => {
    const minio = await startMinio()
    const server = await startServer({ database: 'external', env: { HEARTH_OBJECTS_URL: minio.newUrl() } })
    const sql = postgres(server.databaseUrl ?? '', { max: 2, onnotice: () => {} })
    try {
      const stage = await newStage(server, sql)
      await stage.damage(await stage.file('a.txt', 'a'), { trashed: true })
      await minio.pause()
      const [first, last, ...more] = await stage.fsck()
      expect([first?.type, Object.keys(last ?? {}), more]).toEqual(['trashed_not_in_trash', ['error'], []])
      for (const [method, path] of [
        ['GET', '/swift/vfs'],
        ['GET', '/swift/vfs/a'],
        ['PUT', '/swift/vfs/a'],
        ['DELETE', '/swift/vfs/a'],
        ['POST', `/instances/${stage.domain}/fixers/content-mismatch`],
      ] as const) {
        const answer = await stage.admin(method, path, method === 'PUT' ? { body: 'x' } : {})
        expect([method, path, answer.status]).toEqual([method, path, 503])
      }
      await minio.resume()
      expect((await stage.fsck()).map(({ type }) => type)).toEqual(['trashed_not_in_trash'])
    } finally {
      await sql.end()
      await server.stop()
      await minio.stop()
    }
  }, 120_000)
})
