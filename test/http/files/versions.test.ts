import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { startServer, type TestServer } from '../../support/server.ts'
import { type Answer, newPerson, type Person, type Resource, root } from './person.ts'

let server: TestServer
let person: Person

beforeAll(async () => {
  server = await startServer({ env: { HEARTH_FS_VERSIONING_MIN_DELAY_BETWEEN_TWO_VERSIONS: '0' } })
  person = await newPerson(server)
}, 60_000)
afterAll(() => server.stop())

const md5 = (text: string) => createHash('md5').update(text).digest('base64')

async function overwrite(id: string, text: string, query = ''): Promise<Answer> {
  const answer = await person.fetch(`/files/${id}${query}`, {
    method: 'PUT',
    headers: { 'content-type': 'text/plain' },
    body: text,
  })
  expect(answer.status).toBe(200)
  return (await answer.json()) as Answer
}

/** Newest first. */
async function versionsOf(id: string): Promise<readonly Resource[]> {
  return (await person.json('GET', `/files/${id}`)).included ?? []
}

const content = async (path: string, scope?: string) =>
  (await person.fetch(`/files/download/${path}`, {}, scope)).text()

/** A file with the contents `one` and `two` behind the current one, `three`. */
async function fileWithVersions(name: string) {
  const id = await person.file(root, name, 'one', 'text/plain')
  await overwrite(id, 'two')
  await overwrite(id, 'three')
  const [two, one] = (await versionsOf(id)).map((version) => version.id)
  return { id, one: one ?? '', two: two ?? '' }
}

const patch = (version: string, attributes: unknown, scope?: string) =>
  person.fetch(`/files/${version}`, { method: 'PATCH', body: JSON.stringify({ data: { attributes } }) }, scope)

describe('a version', () => {
  test('is listed with the file', async () => {
    const { id, one, two } = await fileWithVersions('listed')
    const { data, included = [] } = await person.json('GET', `/files/${id}`)
    expect(data.relationships['old_versions']?.data).toEqual(
      [two, one].map((version) => ({ type: 'io.cozy.files.versions', id: version })),
    )
    expect(included.map(({ type, attributes }) => [type, attributes['size'], attributes['md5sum']])).toEqual([
      ['io.cozy.files.versions', '3', md5('two')],
      ['io.cozy.files.versions', '3', md5('one')],
    ])
    expect(included[0]?.relationships['file']?.data).toEqual({ _id: id, _type: 'io.cozy.files' })
  })

  test('is downloaded with its own tag, under the name of the file', async () => {
    const { id, one } = await fileWithVersions('old.txt')
    const answer = await person.fetch(`/files/download/${one}?Dl=1`)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      etag: `"${md5('one')}"`,
      'content-type': 'text/plain',
      'content-disposition': 'attachment; filename="old.txt"',
      'content-length': '3',
    })
    expect(await answer.text()).toBe('one')
    const part = await person.fetch(`/files/download/${one}`, { headers: { range: 'bytes=1-' } })
    expect([part.status, await part.text()]).toEqual([206, 'ne'])
    const known = await person.fetch(`/files/download/${one}`, { headers: { 'if-none-match': `"${md5('one')}"` } })
    expect(known.status).toBe(304)
    expect(await content(id)).toBe('three')
  })

  test('is downloaded by a link of its own', async () => {
    const { one } = await fileWithVersions('linked')
    const { links } = await person.json('POST', `/files/downloads?VersionId=${encodeURIComponent(one)}&Filename=x.txt`)
    expect(links.related).toMatch(/^\/files\/downloads\/v-[A-Za-z0-9]{32}\/x\.txt$/)
    const answer = await person.fetch(links.related, {}, '')
    expect([answer.headers.get('etag'), await answer.text()]).toEqual([`"${md5('one')}"`, 'one'])
    expect((await person.fetch(links.related.replace('/v-', '/'), {}, '')).status).toBe(400)
    expect((await person.fetch(`/files/${one}`, { method: 'DELETE' })).status).toBe(204)
    expect((await person.fetch(links.related, {}, '')).status).toBe(404)
  })

  test('becomes the current content again', async () => {
    const { id, one } = await fileWithVersions('reverted')
    const { data } = await person.json('POST', `/files/revert/${one}`)
    expect([data.id, data.attributes['md5sum']]).toEqual([id, md5('one')])
    expect(await content(id)).toBe('one')
    const kept = await versionsOf(id)
    expect(kept.map(({ attributes }) => attributes['md5sum']).sort()).toEqual([md5('three'), md5('two')].sort())
    for (const version of kept) expect(['two', 'three']).toContain(await content(version.id))
  })

  test('is kept on request, with tags and metadata for what follows', async () => {
    const id = await person.file(root, 'kept', 'same', 'text/plain')
    const { data, included } = await person.json('POST', `/files/${id}/versions?Tags=a,b`, {
      data: { type: 'io.cozy.files.metadata', attributes: { label: 'new' } },
    })
    expect(data.attributes).toMatchObject({ tags: ['a', 'b'], metadata: { label: 'new' }, md5sum: md5('same') })
    expect(included?.map(({ attributes }) => attributes['md5sum'])).toEqual([md5('same')])
    expect([await content(id), await content(included?.[0]?.id ?? '')]).toEqual(['same', 'same'])
  })

  test('gets tags', async () => {
    const { one } = await fileWithVersions('tagged')
    const answer = await patch(one, { tags: ['keep', 'me'] })
    expect(answer.status).toBe(200)
    const { data } = (await answer.json()) as Answer
    expect([data.type, data.id, data.attributes['tags']]).toEqual(['io.cozy.files.versions', one, ['keep', 'me']])
    const shown = (await versionsOf(one.split('/')[0] ?? '')).find((version) => version.id === one)
    expect(shown?.attributes['tags']).toEqual(['keep', 'me'])
  })

  test('is deleted', async () => {
    const { id, one, two } = await fileWithVersions('deleted')
    expect((await person.fetch(`/files/${one}`, { method: 'DELETE' })).status).toBe(204)
    expect((await versionsOf(id)).map((version) => version.id)).toEqual([two])
    expect((await person.fetch(`/files/download/${one}`)).status).toBe(404)
    expect((await person.fetch(`/files/${one}`, { method: 'DELETE' })).status).toBe(404)
    expect(await content(id)).toBe('three')
  })

  test.each<[string, string, string, unknown, number]>([
    ['an unknown version of a file', 'PATCH', '/files/ID/none', { tags: ['a'] }, 404],
    ['a version of an unknown file', 'PATCH', '/files/none/none', { tags: ['a'] }, 404],
    ['no tags', 'PATCH', '/files/ONE', {}, 400],
    ['tags that are no texts', 'PATCH', '/files/ONE', { tags: [1] }, 400],
    ['no attributes', 'PATCH', '/files/ONE', undefined, 400],
    ['an unknown version', 'DELETE', '/files/ID/none', undefined, 404],
    ['an unknown file', 'DELETE', '/files/none/none', undefined, 404],
    ['a version that is not there', 'POST', '/files/revert/ID/none', undefined, 404],
    ['a file that is not there', 'POST', '/files/revert/none/none', undefined, 404],
    ['a directory', 'POST', `/files/revert/${root}/none`, undefined, 404],
    ['a file to keep that is not there', 'POST', '/files/none/versions', {}, 404],
    ['a directory to keep', 'POST', `/files/${root}/versions`, {}, 404],
    ['metadata that are none', 'POST', '/files/ID/versions', 'text', 400],
  ])('%s is refused', async (_name, method, path, attributes, status) => {
    const { id, one } = await fileWithVersions(crypto.randomUUID())
    const body = method === 'DELETE' ? {} : { body: JSON.stringify({ data: { attributes } }) }
    const answer = await person.fetch(path.replace('ID', id).replace('ONE', one), { method, ...body })
    expect(answer.status).toBe(status)
    expect(await answer.text()).toContain('"errors"')
  })

  test.each<[string, string, string]>([
    ['PATCH', '/files/ONE', 'io.cozy.files:GET,POST,PUT,DELETE'],
    ['DELETE', '/files/ONE', 'io.cozy.files:GET,POST,PUT,PATCH'],
    ['POST', '/files/revert/ONE', 'io.cozy.files:GET,PUT,PATCH,DELETE'],
    ['POST', '/files/ID/versions', 'io.cozy.files:GET,POST,PATCH,DELETE'],
    ['DELETE', '/files/versions', 'io.cozy.files:GET,POST,PUT,PATCH'],
    ['DELETE', '/files/versions', 'io.cozy.files:DELETE:ID'],
  ])('%s %s is refused to %s', async (method, path, scope) => {
    const { id, one } = await fileWithVersions(crypto.randomUUID())
    const body = JSON.stringify({ data: { attributes: { tags: [] } } })
    const url = path.replace('ID', id).replace('ONE', one)
    expect((await person.fetch(url, { method, body }, scope.replace('ID', id))).status).toBe(403)
    expect((await person.fetch(url, { method, body }, '')).status).toBe(401)
    expect(await versionsOf(id)).toHaveLength(2)
  })
})

test('all versions of all files are deleted at once, and nothing else', async () => {
  const other = await newPerson(server)
  const mine = [await fileWithVersions('x'), await fileWithVersions('y')]
  const theirs = await other.file(root, 'theirs', 'one')
  await other.fetch(`/files/${theirs}`, { method: 'PUT', body: 'two' })
  expect((await person.fetch('/files/versions', { method: 'DELETE' })).status).toBe(204)
  for (const { id } of mine) {
    expect(await versionsOf(id)).toEqual([])
    expect(await content(id)).toBe('three')
  }
  expect((await other.json('GET', `/files/${theirs}`)).included).toHaveLength(1)
})
