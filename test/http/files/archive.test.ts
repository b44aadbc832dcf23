import { beforeAll, describe, expect, test } from 'bun:test'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { sharedServer, type TestServer } from '../../support/server.ts'
import { removeObject } from './objects.ts'
import { newPerson, type Person, root } from './person.ts'

const run = promisify(execFile)

let server: TestServer
let person: Person
const ids: Record<string, string> = {}

beforeAll(async () => {
  server = await sharedServer()
  person = await newPerson(server)
  ids['bills'] = await person.directory(root, 'Bills')
  ids['2024'] = await person.directory(ids['bills'], '2024 été')
  ids['empty'] = await person.directory(ids['bills'], 'empty')
  ids['a'] = await person.file(ids['bills'], 'a.txt', 'first')
  ids['deep'] = await person.file(ids['2024'], '😀.txt', 'deep')
  ids['none'] = await person.file(ids['2024'], 'none', '')
  ids['other'] = await person.file(root, 'a.txt', 'second')
}, 60_000)

const ask = (attributes: object, headers: Readonly<Record<string, string>> = {}, scope = '*') =>
  person.fetch('/files/archive', { method: 'POST', headers, body: JSON.stringify({ data: { attributes } }) }, scope)

/** Unpacks an archive with `unzip` and gives its files by path; folders have `undefined`. Where there is no unzip: nothing. */
async function unpack(answer: Response): Promise<Readonly<Record<string, string | undefined>>> {
  const folder = await mkdtemp(join(tmpdir(), 'archive-test-'))
  try {
    const path = join(folder, 'archive.zip')
    await writeFile(path, Buffer.from(await answer.arrayBuffer()))
    const { size } = await stat(path)
    expect(answer.headers.get('content-length')).toBe(`${size}`)
    const into = join(folder, 'out')
    await run('unzip', ['-q', path, '-d', into], { env: { ...process.env, LC_ALL: 'C.UTF-8' } })
    const entries = await readdir(into, { recursive: true, withFileTypes: true })
    const read = entries.map(async (entry) => {
      const full = join(entry.parentPath, entry.name)
      return [full.slice(into.length + 1), entry.isFile() ? await readFile(full, 'utf8') : undefined] as const
    })
    return Object.fromEntries(await Promise.all(read))
  } finally {
    await rm(folder, { recursive: true })
  }
}

const hasUnzip = await run('unzip', ['-v']).then(
  () => true,
  () => false,
)
if (!hasUnzip && process.env['CI']) throw new Error('unzip is missing: install the package unzip')
if (!hasUnzip) console.warn('SKIPPED: archives are not unpacked, since unzip is not installed (package unzip)')
const withUnzip = hasUnzip ? test : test.skip

const bills = {
  all: undefined,
  'all/Bills': undefined,
  'all/Bills/2024 été': undefined,
  'all/Bills/2024 été/none': '',
  'all/Bills/2024 été/😀.txt': 'deep',
  'all/Bills/a.txt': 'first',
  'all/Bills/empty': undefined,
}

describe('an archive', () => {
  withUnzip('by a link needs no token and holds the tree', async () => {
    const answer = await ask({ name: 'all', files: ['/Bills'] })
    expect(answer.status).toBe(200)
    const { data, links } = (await answer.json()) as { data: { type: string }; links: { related: string } }
    expect(data.type).toBe('io.cozy.files.archives')
    expect(links.related).toMatch(/^\/files\/archive\/[A-Za-z0-9]{32}\/all\.zip$/)
    const zip = await person.fetch(links.related, {}, '')
    expect([zip.status, zip.headers.get('content-type')]).toEqual([200, 'application/zip'])
    expect(zip.headers.get('content-disposition')).toBe('attachment; filename="all.zip"')
    expect(await unpack(zip)).toEqual(bills)
    const head = await person.fetch(links.related, { method: 'HEAD' }, '')
    expect([head.status, head.headers.get('content-length')]).toEqual([200, zip.headers.get('content-length')])
  })

  withUnzip('comes at once for who accepts only that', async () => {
    const zip = await ask({ name: 'all', ids: [ids['bills'], ids['bills']] }, { accept: 'application/zip' })
    expect(zip.headers.get('content-type')).toBe('application/zip')
    expect(await unpack(zip)).toEqual(bills)
  })

  withUnzip('gives chosen things of one name different ones', async () => {
    const chosen = { ids: [ids['a'], ids['other'], ids['2024']], files: ['/a.txt'] }
    expect(await unpack(await ask(chosen, { accept: 'application/zip' }))).toEqual({
      archive: undefined,
      'archive/a.txt': 'first',
      'archive/a (2).txt': 'second',
      'archive/2024 été': undefined,
      'archive/2024 été/none': '',
      'archive/2024 été/😀.txt': 'deep',
    })
  })

  withUnzip('of everything leaves the trash out', async () => {
    const other = await newPerson(server)
    const trashed = await other.file(root, 'trashed', 'x')
    await other.file(root, 'kept', 'y')
    await other.json('DELETE', `/files/${trashed}`)
    const body = JSON.stringify({ data: { attributes: { name: 'me', files: ['/'] } } })
    const zip = await other.fetch('/files/archive', { method: 'POST', headers: { accept: 'application/zip' }, body })
    expect(await unpack(zip)).toEqual({ me: undefined, 'me/kept': 'y' })
  })

  test.each<[string, object, number, string]>([
    ['nothing', {}, 400, `"Can't create an archive with no files"`],
    ['no files', { name: 'x', ids: [], files: [] }, 400, `"Can't create an archive with no files"`],
    ['a name with a slash', { name: 'a/b', files: ['/Bills'] }, 400, `"The archive filename can't contain a /"`],
    ['a name that leads out', { name: '..', files: ['/Bills'] }, 400, 'is not valid'],
    ['an unknown id', { ids: ['none'] }, 404, 'file does not exist'],
    ['an unknown path', { files: ['/none'] }, 404, 'file does not exist'],
    ['a relative path', { files: ['Bills'] }, 400, ''],
    ['a page', { pages: [{ id: 'x', page: 1 }] }, 400, 'not served'],
    ['ids that are none', { ids: [1] }, 400, 'JSON input is malformed'],
    ['ids that are no list', { ids: 'x' }, 400, 'JSON input is malformed'],
  ])('of %s is refused', async (_name, attributes, status, text) => {
    const answer = await ask(attributes)
    expect(answer.status).toBe(status)
    expect(await answer.text()).toContain(text)
  })

  test.each(['', '[]', '{}', '{"data":1}', 'no json'])('is not described by %p', async (body) => {
    expect((await person.fetch('/files/archive', { method: 'POST', body })).status).toBe(400)
  })

  test.each<[string, number]>([
    ['', 401],
    ['io.cozy.files:POST', 403],
    ['io.cozy.files:GET:other', 403],
    ['io.cozy.files:GET:BILLS', 200],
    [`io.cozy.files:GET:${root}`, 200],
  ])('for a token of %p is %d', async (scope, status) => {
    expect((await ask({ ids: [ids['deep']] }, {}, scope.replace('BILLS', ids['bills'] ?? ''))).status).toBe(status)
  })

  test('by a wrong link, or of another person, is refused', async () => {
    const { links } = (await (await ask({ ids: [ids['a']] })).json()) as { links: { related: string } }
    const other = await newPerson(server)
    for (const answer of [
      await other.fetch(links.related, {}, ''),
      await person.fetch('/files/archive/nonsense/a.zip', {}, ''),
      await person.fetch(links.related.replace('/archive/', '/downloads/'), {}, ''),
    ]) {
      expect(answer.status).toBe(400)
      expect(await answer.text()).toContain('Wrong download token')
    }
  })

  test('of what is gone since is 404', async () => {
    const fleeting = await person.file(root, 'fleeting', 'x')
    const { links } = (await (await ask({ ids: [fleeting] })).json()) as { links: { related: string } }
    expect((await person.fetch(`/files/${fleeting}`, { method: 'DELETE' })).status).toBe(200)
    expect((await person.fetch(`/files/trash/${fleeting}`, { method: 'DELETE' })).status).toBe(204)
    expect((await person.fetch(links.related, {}, '')).status).toBe(404)
  })
})

describe('a file whose bytes are lost', () => {
  test('at the beginning of an archive is 404', async () => {
    const lost = await person.file(root, 'lost first', 'x')
    await removeObject(server, lost)
    const answer = await ask({ ids: [lost] }, { accept: 'application/zip' })
    expect(answer.status).toBe(404)
    await answer.text()
  })

  test('in the middle of one cuts the connection', async () => {
    const directory = await person.directory(root, 'damaged')
    await person.file(directory, '1', new Uint8Array(1 << 20))
    await removeObject(server, await person.file(directory, '2', 'lost'))
    await person.file(directory, '3', 'after')
    const answer = await ask({ ids: [directory] }, { accept: 'application/zip' })
    expect(answer.status).toBe(200)
    await expect(answer.arrayBuffer()).rejects.toThrow()
    // The server lives on, and says why in its log.
    expect((await person.fetch('/files/download?Path=/damaged/3')).status).toBe(200)
    expect(server.output.stdout + server.output.stderr).toContain('file does not exist')
  })
})
