import { beforeAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { sharedServer, type TestServer } from '../../support/server.ts'
import { removeObject } from './objects.ts'
import { newPerson, type Person, root } from './person.ts'

const text = 'Hello, you there! Ça va?\n'
const bytes = Buffer.from(text)
const etag = `"${createHash('md5').update(bytes).digest('base64')}"`
const at = '2024-02-29T12:34:56.789Z'
const modified = 'Thu, 29 Feb 2024 12:34:56 GMT'
const before = 'Thu, 29 Feb 2024 12:34:55 GMT'

let server: TestServer
let person: Person
let id = ''
let empty = ''
let folder = ''

beforeAll(async () => {
  server = await sharedServer()
  person = await newPerson(server)
  folder = await person.directory(root, 'Notes & more')
  const made = await person.fetch(
    `/files/${folder}?Type=file&Name=${encodeURIComponent('été 1.txt')}&UpdatedAt=${at}&CreatedAt=${at}`,
    {
      method: 'POST',
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      body: bytes,
    },
  )
  id = ((await made.json()) as { data: { id: string } }).data.id
  empty = await person.file(folder, 'empty', '')
}, 60_000)

async function errorOf(answer: Response): Promise<Readonly<Record<string, unknown>> | undefined> {
  return ((await answer.json()) as { errors: Record<string, unknown>[] }).errors[0]
}

describe('a download', () => {
  test('has the bytes and everything that is known of them', async () => {
    const answer = await person.fetch(`/files/download/${id}`)
    expect(answer.status).toBe(200)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'text/plain',
      'content-length': `${bytes.length}`,
      'content-disposition': `inline; filename="t1.txt"; filename*=UTF-8''%C3%A9t%C3%A9%201.txt`,
      etag,
      'last-modified': modified,
      'accept-ranges': 'bytes',
      'cache-control': 'private, no-cache',
      'x-content-type-options': 'nosniff',
    })
    expect(answer.headers.get('content-security-policy')).toContain("form-action 'none'")
    expect(answer.headers.get('content-security-policy')).toContain("script-src 'none'")
    expect(answer.headers.get('content-range')).toBeNull()
    expect(await answer.text()).toBe(text)
  })

  test('HEAD has the same headers and no body', async () => {
    const [get, head] = [
      await person.fetch(`/files/download/${id}`),
      await person.fetch(`/files/download/${id}`, { method: 'HEAD' }),
    ]
    const plain = ({ headers }: Response) =>
      Object.fromEntries([...headers].filter(([name]) => !['date', 'connection', 'keep-alive'].includes(name)))
    expect(head.status).toBe(200)
    expect(plain(head)).toEqual(plain(get))
    expect(await head.text()).toBe('')
    await get.text()
  })

  test('is to be had by path', async () => {
    const answer = await person.fetch(`/files/download?Path=${encodeURIComponent('/Notes & more/été 1.txt')}&Dl=1`)
    expect([answer.status, answer.headers.get('etag')]).toEqual([200, etag])
    expect(answer.headers.get('content-disposition')).toStartWith('attachment; ')
    expect(await answer.text()).toBe(text)
  })

  test('of an empty file is empty', async () => {
    const answer = await person.fetch(`/files/download/${empty}`)
    expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([200, '0', ''])
  })

  test.each<[string, string, number, string]>([
    ['an unknown id', '/files/download/0123456789abcdef0123456789abcdef', 404, 'file does not exist'],
    ['an unknown path', '/files/download?Path=/none', 404, 'file does not exist'],
    ['a directory', `/files/download/${root}`, 404, 'file does not exist'],
    ['a directory by path', '/files/download?Path=/', 404, 'file does not exist'],
    ['no path', '/files/download', 422, 'The parameter Path is missing'],
    ['a relative path', '/files/download?Path=Notes', 400, ''],
    ['a page that is no number', '/files/download/ID?Page=one', 422, 'The page must be a number, not one'],
    ['a page', '/files/download/ID?Page=1', 400, ''],
    ['a page by path', '/files/download?Path=/none&Page=1', 400, ''],
    ['an unknown version', '/files/download/ID/0123456789abcdef', 404, 'file does not exist'],
    ['a bad escape', '/files/download/%ff', 400, ''],
  ])('of %s is refused', async (_name, path, status, detail) => {
    const answer = await person.fetch(path.replace('ID', id))
    expect(answer.status).toBe(status)
    expect((await errorOf(answer))?.['detail']).toEqual(detail === '' ? expect.any(String) : detail)
  })

  test.each<[string, number]>([
    ['', 401],
    ['io.cozy.notes', 403],
    ['io.cozy.files:POST', 403],
    ['io.cozy.files:GET:other', 403],
    ['io.cozy.files:GET', 200],
    ['io.cozy.files:GET:FILE', 200],
    ['io.cozy.files:GET:FOLDER', 200],
    [`io.cozy.files:GET:${root}`, 200],
    ['io.cozy.files:GET:text/plain:mime', 200],
  ])('for a token of %p is %d', async (scope, status) => {
    const granted = scope.replace('FILE', id).replace('FOLDER', folder)
    const answer = await person.fetch(`/files/download/${id}`, {}, granted)
    expect(answer.status).toBe(status)
    await answer.text()
  })

  test('another method is refused', async () => {
    const answer = await person.fetch(`/files/download/${id}`, { method: 'POST' })
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET,HEAD'])
  })
})

describe('a range', () => {
  test.each<[string, string, string]>([
    ['bytes=0-4', 'Hello', `bytes 0-4/${bytes.length}`],
    ['bytes=7-', text.slice(7), `bytes 7-${bytes.length - 1}/${bytes.length}`],
    ['bytes=-4', 'va?\n', `bytes ${bytes.length - 4}-${bytes.length - 1}/${bytes.length}`],
    ['bytes=-4000', text, `bytes 0-${bytes.length - 1}/${bytes.length}`],
    ['bytes=0-4000', text, `bytes 0-${bytes.length - 1}/${bytes.length}`],
  ])('%s', async (range, part, contentRange) => {
    const answer = await person.fetch(`/files/download/${id}`, { headers: { range } })
    expect(answer.status).toBe(206)
    expect(answer.headers.get('content-range')).toBe(contentRange)
    expect(answer.headers.get('content-length')).toBe(`${Buffer.byteLength(part)}`)
    expect(answer.headers.get('etag')).toBe(etag)
    expect(await answer.text()).toBe(part)
  })

  test.each(['bytes=25-30,0-1', 'bytes=4-1', 'lines=1-2', 'bytes=x'])('%s gets all of it', async (range) => {
    const answer = await person.fetch(`/files/download/${id}`, { headers: { range } })
    expect([answer.status, answer.headers.get('content-range'), await answer.text()]).toEqual([200, null, text])
  })

  test.each(['bytes=4000-', 'bytes=-0'])('%s is not satisfiable', async (range) => {
    const answer = await person.fetch(`/files/download/${id}`, { headers: { range } })
    expect([answer.status, answer.headers.get('content-range')]).toEqual([416, `bytes */${bytes.length}`])
    expect((await errorOf(answer))?.['status']).toBe('416')
  })

  test('of an empty file is not satisfiable', async () => {
    const answer = await person.fetch(`/files/download/${empty}`, { headers: { range: 'bytes=0-0' } })
    expect([answer.status, answer.headers.get('content-range')]).toEqual([416, 'bytes */0'])
    await answer.text()
  })

  test('is not for HEAD', async () => {
    const answer = await person.fetch(`/files/download/${id}`, { method: 'HEAD', headers: { range: 'bytes=0-4' } })
    expect([answer.status, answer.headers.get('content-length')]).toEqual([200, `${bytes.length}`])
  })
})

describe('a condition', () => {
  test.each<[Readonly<Record<string, string>>, number]>([
    [{ 'if-none-match': etag }, 304],
    [{ 'if-none-match': `W/${etag}` }, 304],
    [{ 'if-none-match': '*' }, 304],
    [{ 'if-none-match': '"x"' }, 200],
    [{ 'if-modified-since': modified }, 304],
    [{ 'if-modified-since': before }, 200],
    [{ 'if-match': etag }, 200],
    [{ 'if-match': '"x"' }, 412],
    [{ 'if-unmodified-since': modified }, 200],
    [{ 'if-unmodified-since': before }, 412],
    [{ 'if-match': '"x"', 'if-none-match': etag }, 412],
    [{ range: 'bytes=0-0', 'if-range': etag }, 206],
    [{ range: 'bytes=0-0', 'if-range': '"x"' }, 200],
    [{ range: 'bytes=0-0', 'if-range': modified }, 200],
    [{ range: 'bytes=0-0', 'if-none-match': etag }, 304],
    [{ range: 'bytes=4000-', 'if-match': '"x"' }, 412],
    [{ range: 'bytes=4000-', 'if-range': '"x"' }, 200],
  ])('%j is %d', async (headers, status) => {
    for (const method of headers['range'] === undefined ? ['GET', 'HEAD'] : ['GET']) {
      const answer = await person.fetch(`/files/download/${id}`, { method, headers })
      expect(answer.status).toBe(status)
      const body = await answer.text()
      if (status !== 304) continue
      expect([answer.headers.get('etag'), answer.headers.get('last-modified'), body]).toEqual([etag, modified, ''])
      expect(answer.headers.get('content-length')).toBeNull()
    }
  })
})

describe('a link', () => {
  const link = async (query: string) => (await person.json('POST', `/files/downloads?${query}`)).links.related

  test.each<[string, () => string]>([
    ['by id', () => `Id=${id}`],
    ['by path', () => `Path=${encodeURIComponent('/Notes & more/été 1.txt')}`],
  ])('%s needs no token', async (_name, query) => {
    const related = await link(query())
    expect(related).toMatch(/^\/files\/downloads\/[A-Za-z0-9]{32}\/%C3%A9t%C3%A9%201\.txt$/)
    const answer = await person.fetch(related, {}, '')
    expect([answer.status, answer.headers.get('etag'), await answer.text()]).toEqual([200, etag, text])
    const saved = await person.fetch(`${related}?Dl=1`, { headers: { range: 'bytes=0-4' } }, '')
    expect(saved.headers.get('content-disposition')).toStartWith('attachment; filename="t1.txt"')
    expect([saved.status, await saved.text()]).toEqual([206, 'Hello'])
    expect((await person.fetch(related, { method: 'HEAD' }, '')).status).toBe(200)
  })

  test('comes with the file', async () => {
    const { data } = await person.json('POST', `/files/downloads?Id=${id}`)
    expect([data.type, data.id, data.attributes['name']]).toEqual(['io.cozy.files', id, 'été 1.txt'])
  })

  test('may have another name', async () => {
    const related = await link(`Id=${id}&Filename=${encodeURIComponent('a/b "c".txt')}`)
    const answer = await person.fetch(related, {}, '')
    expect(answer.headers.get('content-disposition')).toBe(
      `inline; filename="abc.txt"; filename*=UTF-8''a%2Fb%20%22c%22.txt`,
    )
    expect(await answer.text()).toBe(text)
    expect(await link(`Id=${id}&Filename=..`)).toEndWith('/download')
  })

  test('follows the file, and ends with it', async () => {
    const fleeting = await person.file(folder, 'fleeting', 'x')
    const related = await link(`Id=${fleeting}`)
    await person.json('PATCH', `/files/${fleeting}`, { data: { attributes: { name: 'moved', dir_id: root } } })
    expect(await (await person.fetch(related, {}, '')).text()).toBe('x')
    await person.json('DELETE', `/files/${fleeting}`)
    expect((await person.fetch(`/files/trash/${fleeting}`, { method: 'DELETE' })).status).toBe(204)
    expect((await person.fetch(related, {}, '')).status).toBe(404)
  })

  test.each(['nonsense', 'v-nonsense', 'v-', '%00'])('with the secret %p is wrong', async (secret) => {
    const answer = await person.fetch(`/files/downloads/${secret}/a.txt`, {}, '')
    expect(answer.status).toBe(400)
    expect((await errorOf(answer))?.['detail']).toBe('Wrong download token')
  })

  test('of somebody else is wrong', async () => {
    const related = await link(`Id=${id}`)
    const other = await newPerson(server)
    expect((await other.fetch(related, {}, '')).status).toBe(400)
    expect((await person.fetch(related.replace('/downloads/', '/archive/'), {}, '')).status).toBe(400)
  })

  test.each<[string, string, number]>([
    ['nothing', '', 422],
    ['an unknown id', 'Id=none', 404],
    ['an unknown version', 'VersionId=none/none', 404],
    ['a directory', `Id=${root}`, 404],
  ])('to %s is not made', async (_name, query, status) => {
    expect((await person.fetch(`/files/downloads?${query}`, { method: 'POST' })).status).toBe(status)
  })

  test('is made only by whoever may read the file', async () => {
    const scope = 'io.cozy.files:POST'
    expect((await person.fetch(`/files/downloads?Id=${id}`, { method: 'POST' }, scope)).status).toBe(403)
    expect((await person.fetch(`/files/downloads?Id=${id}`, { method: 'POST' }, '')).status).toBe(401)
  })
})

describe('thumbnails', () => {
  test('are placeholders, by links that cannot be guessed', async () => {
    const photo = await person.file(folder, 'a.png', 'no image', 'image/png')
    const { links } = (await person.json('GET', `/files/${photo}`)).data
    for (const [format, width] of Object.entries({ tiny: 96, small: 640, medium: 1280, large: 1920 })) {
      const answer = await person.fetch(links[format] ?? '', {}, '')
      expect([answer.status, answer.headers.get('content-type')]).toEqual([404, 'image/svg+xml'])
      expect(await answer.text()).toContain(`width="${width}"`)
    }
    const tiny = links['tiny'] ?? ''
    expect((await person.fetch(tiny.replace(photo, id), {}, '')).status).toBe(400)
    expect((await person.fetch(tiny.replace(/[^/]+\/tiny$/, 'nonsense/tiny'), {}, '')).status).toBe(400)
    const huge = await person.fetch(tiny.replace('/tiny', '/huge'), {}, '')
    expect([huge.status, huge.headers.get('content-type')]).toEqual([404, 'application/vnd.api+json'])
  })
})

test('lost bytes are 404, before anything is sent', async () => {
  const lost = await person.file(folder, 'lost', 'soon gone')
  await removeObject(server, lost)
  for (const method of ['GET', 'HEAD']) {
    const answer = await person.fetch(`/files/download/${lost}`, { method })
    expect(answer.status).toBe(404)
    await answer.text()
  }
})
