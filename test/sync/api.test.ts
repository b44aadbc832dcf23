/** The sync API over HTTP: who may use it, what it refuses and in which words, and what is new in 1.1. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileId } from '../../src/sync/names.ts'
import { send } from '../conformance/onitu/replay.ts'
import { type SyncServer, startSyncServer } from './server.ts'

let server: SyncServer
beforeAll(async () => {
  server = await startSyncServer()
}, 60_000)
afterAll(async () => {
  await server.stop()
  server.clean()
})

async function until(what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 30_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`never happened: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const statusOf = async (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  (await server.ask(method, path, body, headers)).status

describe('access', () => {
  test('1.0 on loopback -> no token; 1.1 -> only with it', async () => {
    expect(await statusOf('GET', '/api/v1.0/entries')).toBe(200)
    const without = await server.fetch(`${server.syncUrl}/api/v1.1/status`)
    expect(without.status).toBe(401)
    expect(without.headers.get('www-authenticate')).toBe('Bearer')
    expect(await without.json()).toEqual({ status: 'error', reason: 'a token is needed' })
    expect(await statusOf('GET', '/api/v1.1/status', undefined, { authorization: 'Bearer wrong' })).toBe(401)
    expect(await statusOf('GET', '/api/v1.1/status')).toBe(200)
  })

  test('the token lies in the data directory, for its owner only', () => {
    expect(statSync(join(server.dataDir, 'sync-token')).mode & 0o777).toBe(0o600)
  })

  test.each([
    [{ origin: 'https://evil.example' }],
    [{ origin: 'null' }],
    [{ host: 'evil.example' }],
    [{ host: 'evil.example:3862' }],
  ])('a page of another site or a foreign name (%p) -> 403', async (headers) => {
    expect(await statusOf('GET', '/api/v1.0/entries', undefined, headers as Record<string, string>)).toBe(403)
    expect(await statusOf('PUT', '/api/v1.0/rules/reload', undefined, headers as Record<string, string>)).toBe(403)
  })

  test('another host than loopback -> the token for everything', async () => {
    const open = await startSyncServer({
      args: ['--sync-host', '0.0.0.0'],
      env: { HEARTH_SYNC_TOKEN: 'a-token-of-the-operator' },
    })
    try {
      const port = new URL(open.syncUrl).port
      const url = `http://127.0.0.1:${port}/api/v1.0/entries`
      expect((await open.fetch(url)).status).toBe(401)
      expect((await open.fetch(url, { headers: { authorization: 'Bearer a-token-of-the-operator' } })).status).toBe(200)
    } finally {
      await open.stop()
      open.clean()
    }
  }, 60_000)
})

describe('answers', () => {
  test('every answer is JSON and varies by Accept, failures too', async () => {
    for (const path of ['/api/v1.0/files', '/api/v1.0/entries/Z', '/api/v1.0/nothing', '/nothing']) {
      const { headers } = await server.ask('GET', path)
      expect(headers.get('content-type')).toStartWith('application/json')
      expect(headers.get('vary')).toContain('Accept')
    }
    const refused = await server.ask('POST', '/api/v1.0/files')
    expect(refused.json).toEqual({ status: 'error', reason: 'method not allowed' })
    expect(refused.headers.get('allow')).toBe('GET,HEAD')
  })

  test('stats -> every number of the contract', async () => {
    const { status, json } = await server.ask('GET', '/api/v1.0/entries/A/stats')
    expect(status).toBe(200)
    const {
      info,
      name,
      status: word,
      time,
    } = json as { info: Record<string, unknown>; name: string; status: string; time: number }
    expect([name, word]).toEqual(['A', 'ok'])
    expect(Math.abs(time - Date.now() / 1000)).toBeLessThan(30)
    expect(Object.keys(info).sort()).toEqual([
      'age',
      'cpu',
      'create_time',
      'ctime',
      'mem',
      'mem_info1',
      'mem_info2',
      'started',
    ])
    expect(info['ctime']).toMatch(/^\d+:\d\d\.\d\d$/)
    expect(info['mem_info1']).toMatch(/^\d+[BKMGT]$/)
    expect(info['create_time']).toBeLessThanOrEqual(info['started'] as number)
  })

  test('pages -> a count of all and the way to the next', async () => {
    for (let n = 0; n < 3; n++) writeFileSync(join(server.roots['A']!, `page-${n}`), 'x')
    await until(
      'files',
      async () => ((await server.ask('GET', '/api/v1.0/files')).json as { files: unknown[] }).files.length >= 3,
    )
    const first = await server.ask('GET', '/api/v1.0/files?limit=2')
    expect(first.headers.get('x-total-count')).toBe('3')
    expect(first.headers.get('link')).toContain('offset=2')
    const ids = (first.json as { files: { fid: string }[] }).files.map(({ fid }) => fid)
    expect(ids).toEqual([...ids].sort())
    const { json } = await server.ask('GET', `/api/v1.0/files/${ids[0]}/metadata?extended=1`)
    expect(json).toMatchObject({ fid: ids[0], mimetype: 'application/octet-stream', origins: ['A'], conflict_of: null })
  })
})

describe('bad input -> a status and a reason that name the offender', () => {
  const rule = (given: object) => ({ rules: [{ match: {}, sync: ['A'], ...given }] })
  test.each([
    ['GET', '/api/v1.0/files?limit=abc', undefined, 400, 'limit must be an integer'],
    ['GET', '/api/v1.0/files?limit=1&limit=2', undefined, 400, 'limit is given twice'],
    ['GET', '/api/v1.0/files?limit=-1', undefined, 422, 'limit must be between'],
    ['GET', '/api/v1.0/files?limit=10001', undefined, 422, 'limit must be between'],
    ['GET', '/api/v1.0/files?offset=99999999999999999999', undefined, 422, 'offset must be between'],
    ['GET', '/api/v1.0/files?offset=%ff', undefined, 400, 'percent-encoded'],
    ['GET', '/api/v1.0/files/non-valid-id/metadata', undefined, 404, 'file non-valid-id not found'],
    ['GET', '/api/v1.0/entries/%00', undefined, 404, 'not found'],
    ['GET', '/api/v1.0/entries/%ff', undefined, 400, 'percent-encoded'],
    ['PUT', '/api/v1.0/rules', '', 400, 'invalid JSON body'],
    ['PUT', '/api/v1.0/rules', '{', 400, 'invalid JSON body'],
    ['PUT', '/api/v1.0/rules', '[]', 422, 'rules'],
    ['PUT', '/api/v1.0/rules', 'null', 422, 'rules'],
    ['PUT', '/api/v1.0/rules', { rules: 'x' }, 422, 'rules'],
    ['PUT', '/api/v1.0/rules', { rules: [], other: 1 }, 422, "unknown member 'other'"],
    ['PUT', '/api/v1.0/rules', { rules: [null] }, 422, 'rule 0'],
    ['PUT', '/api/v1.0/rules', { rules: [{ sync: ['A'] }] }, 422, 'rule 0: match'],
    ['PUT', '/api/v1.0/rules', rule({ match: { mine: ['a/b'] } }), 422, "unknown member 'mine'"],
    ['PUT', '/api/v1.0/rules', rule({ match: { path: 'x' } }), 422, 'path'],
    ['PUT', '/api/v1.0/rules', rule({ match: { path: '/a/../b' } }), 422, '..'],
    ['PUT', '/api/v1.0/rules', rule({ match: { mime: [] } }), 422, 'mime'],
    ['PUT', '/api/v1.0/rules', rule({ match: { mime: ['pdf'] } }), 422, '"pdf"'],
    ['PUT', '/api/v1.0/rules', rule({ sync: 'A' }), 422, 'sync'],
    ['PUT', '/api/v1.0/rules', rule({ sync: ['A', 'Z'] }), 422, "rule 0: unknown entry 'Z'"],
    ['PUT', '/api/v1.0/rules', rule({ ban: ['Z'] }), 422, "unknown entry 'Z'"],
    ['PUT', '/api/v1.0/rules', { rules: Array.from({ length: 1001 }, () => ({ match: {}, sync: [] })) }, 422, '1001'],
    ['PUT', '/api/v1.0/rules', JSON.stringify({ rules: [], x: 'y'.repeat(1_100_000) }), 413, 'body too large'],
    ['PUT', '/api/v1.0/rules/reload?dry_run=maybe', undefined, 400, 'dry_run'],
    ['POST', '/api/v1.1/entries', {}, 422, 'name'],
    ['POST', '/api/v1.1/entries', { name: 'a:b', driver: 'local_storage' }, 422, 'a:b'],
    ['POST', '/api/v1.1/entries', { name: 'x/y', driver: 'local_storage' }, 422, 'x/y'],
    ['POST', '/api/v1.1/entries', { name: 'x'.repeat(65), driver: 'local_storage' }, 422, '64'],
    ['POST', '/api/v1.1/entries', { name: 'N', driver: 'floppy' }, 422, "unknown driver 'floppy'"],
    ['POST', '/api/v1.1/entries', { name: 'N', driver: 'local_storage', options: {} }, 422, 'root'],
    ['POST', '/api/v1.1/entries', { name: 'N', driver: 'local_storage', options: { root: 1 } }, 422, 'root'],
    ['POST', '/api/v1.1/entries', { name: 'N', driver: 'local_storage', options: { root: '/tmp' } }, 422, 'sync.roots'],
    [
      'POST',
      '/api/v1.1/entries',
      { name: 'N', driver: 'local_storage', options: { root: '/x', other: 1 } },
      422,
      'other',
    ],
    ['POST', '/api/v1.1/entries', { name: 'N', driver: 'local_storage', options: [] }, 422, 'options'],
    ['PUT', '/api/v1.1/entries/Z', { options: {} }, 404, 'entry Z not found'],
    ['DELETE', '/api/v1.1/entries/Z', undefined, 404, 'entry Z not found'],
    ['DELETE', '/api/v1.1/entries/A', undefined, 409, 'entry A is named by the rules'],
    ['POST', '/api/v1.1/entries/Z/scan', undefined, 404, 'entry Z not found'],
    ['GET', '/api/v1.1/events?since=x', undefined, 400, 'since'],
    ['GET', '/api/v1.1/jobs?limit=9999', undefined, 422, 'limit'],
    ['GET', '/api/v1.1/jobs?after=%00', undefined, 400, 'after'],
    ['GET', '/api/v1.1/issues?entry=%00', undefined, 400, 'entry'],
    ['GET', '/api/v1.1/trash?entry=a%00b', undefined, 400, 'entry'],
    ['POST', '/api/v1.1/jobs/x/A/retry', undefined, 404, 'file x not found'],
    ['GET', '/api/v1.1/trash?after=x', undefined, 400, 'after'],
    ['POST', '/api/v1.1/trash/x/restore', undefined, 404, 'trash x not found'],
    ['DELETE', `/api/v1.1/trash/${fileId('x')}`, undefined, 404, 'not found'],
    ['POST', `/api/v1.1/conflicts/${fileId('none')}/resolve`, { keep: 'this' }, 404, 'not found'],
    ['POST', `/api/v1.1/conflicts/${fileId('none')}/resolve`, { keep: 'all' }, 422, 'this, other, both'],
    ['GET', `/api/v1.1/files/${fileId('none')}/content`, undefined, 404, 'not found'],
  ])('%s %s %p -> %d', async (method, path, body, status, reason) => {
    const answer = await server.ask(method as string, path as string, body)
    expect([answer.status, (answer.json as { reason: string }).reason]).toEqual([
      status as number,
      expect.stringContaining(reason as string),
    ])
    expect((answer.json as { status: string }).status).toBe('error')
  })

  test('not JSON by its type -> 415; without a type it is taken', async () => {
    const wrong = await server.ask('PUT', '/api/v1.0/rules', '{}', { 'content-type': 'text/plain' })
    expect([wrong.status, wrong.json]).toEqual([415, { status: 'error', reason: 'expected application/json' }])
    const { status } = await send({ url: server.syncUrl }, { method: 'GET', target: '/api/v1.0/rules' })
    expect(status).toBe(200)
  })

  test('refused rules -> pending and applied stay', async () => {
    const before = await server.ask('GET', '/api/v1.0/rules')
    await server.ask('PUT', '/api/v1.0/rules', rule({ sync: ['Z'] }))
    expect((await server.ask('GET', '/api/v1.0/rules')).json).toEqual(before.json)
    const stale = await server.ask('PUT', '/api/v1.0/rules', rule({}), { 'if-match': '"999"' })
    expect(stale.status).toBe(412)
  })

  test('a folder of Hearth, of another entry, or reached by a link -> refused', async () => {
    const { symlinkSync } = await import('node:fs')
    const link = join(server.freeRoot, 'link')
    symlinkSync(server.roots['A']!, link)
    const inside = join(server.freeRoot, 'C')
    mkdirSync(inside)
    for (const root of [
      link,
      server.roots['A']!,
      join(server.roots['A']!, 'below'),
      server.dataDir,
      join(server.dataDir, 'objects'),
    ]) {
      const { status } = await server.ask('POST', '/api/v1.1/entries', {
        name: 'N',
        driver: 'local_storage',
        options: { root },
      })
      expect(status).toBe(422)
    }
    expect(existsSync(join(inside, '.hearth-sync'))).toBe(false)
  })
})

describe('1.1', () => {
  test('an entry is made -> it is synchronised; changed, scanned, checked and removed', async () => {
    const root = join(server.freeRoot, 'D')
    mkdirSync(root)
    const made = await server.ask('POST', '/api/v1.1/entries', {
      name: 'D',
      driver: 'local_storage',
      options: { root },
    })
    expect([made.status, made.json]).toEqual([201, { name: 'D', driver: 'local_storage', options: { root } }])
    expect(await statusOf('POST', '/api/v1.1/entries', { name: 'D', driver: 'local_storage', options: { root } })).toBe(
      409,
    )
    await server.ask('PUT', '/api/v1.0/rules', { rules: [{ match: { path: '/' }, sync: ['A', 'B', 'D'] }] })
    const plan = await server.ask('PUT', '/api/v1.0/rules/reload?dry_run=1')
    expect((plan.json as { plan: { copies: number } }).plan.copies).toBeGreaterThan(0)
    await server.ask('PUT', '/api/v1.0/rules/reload')
    writeFileSync(join(server.roots['A']!, 'for-d'), 'hello D')
    await until('a copy in D', () => existsSync(join(root, 'for-d')))
    expect(await statusOf('POST', '/api/v1.1/entries/D/scan')).toBe(200)
    expect(await statusOf('POST', '/api/v1.1/entries/D/check')).toBe(200)
    const changed = await server.ask('PUT', '/api/v1.1/entries/D', {
      options: { root, max_bytes_per_second: 1_000_000 },
    })
    expect((changed.json as { options: object }).options).toEqual({ root, max_bytes_per_second: 1_000_000 })
    await server.ask('PUT', '/api/v1.0/rules', { rules: [{ match: { path: '/' }, sync: ['A', 'B'] }] })
    await server.ask('PUT', '/api/v1.0/rules/reload')
    expect(await statusOf('DELETE', '/api/v1.1/entries/D')).toBe(200)
    expect(existsSync(join(root, 'for-d'))).toBe(true)
    expect(await statusOf('GET', '/api/v1.0/entries/D')).toBe(404)
  }, 60_000)

  test('the bytes of a file -> whole and in ranges', async () => {
    writeFileSync(join(server.roots['A']!, 'bytes.txt'), '0123456789')
    const path = `/api/v1.1/files/${fileId('bytes.txt')}/content`
    await until('the file', async () => (await statusOf('GET', path)) === 200)
    const headers = { authorization: `Bearer ${server.syncToken}` }
    const whole = await server.fetch(server.syncUrl + path, { headers })
    expect([whole.headers.get('content-length'), await whole.text()]).toEqual(['10', '0123456789'])
    const part = await server.fetch(server.syncUrl + path, { headers: { ...headers, range: 'bytes=2-4' } })
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([206, 'bytes 2-4/10', '234'])
    expect((await server.fetch(server.syncUrl + path, { headers: { ...headers, range: 'bytes=99-' } })).status).toBe(
      416,
    )
  }, 60_000)

  test('events -> told as they happen, and again from a number on', async () => {
    const headers = { authorization: `Bearer ${server.syncToken}` }
    const response = await server.fetch(`${server.syncUrl}/api/v1.1/events?since=0`, { headers })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const reader = response.body!.getReader()
    let text = ''
    writeFileSync(join(server.roots['A']!, 'told.txt'), 'x')
    await until('the event', async () => {
      const { value } = await reader.read()
      text += new TextDecoder().decode(value)
      return text.includes('"filename":"told.txt"')
    })
    await reader.cancel()
    expect(text).toMatch(/id: 1\nevent: \w+\ndata: \{/)
  }, 60_000)

  test('status, drivers, issues, jobs, conflicts, trash, the description -> answered', async () => {
    for (const path of ['status', 'drivers', 'issues', 'jobs', 'conflicts', 'trash']) {
      expect([path, await statusOf('GET', `/api/v1.1/${path}`)]).toEqual([path, 200])
    }
    const { json } = await server.ask('GET', '/openapi.json')
    expect(Object.keys((json as { paths: object }).paths)).toContain('/api/v1.0/files/{fid}/metadata')
  })
})

test('the metrics of the administration -> every entry by its name', async () => {
  const authorization = `Basic ${btoa(`:${server.passphrase}`)}`
  const read = async () =>
    (await server.fetch(`${server.adminUrl}/metrics`, { headers: { authorization, host: 'localhost' } })).text()
  await until('metrics', async () => /^hearth_sync_active\{entry="A"\} 1$/m.test(await read()))
  const text = await read()
  for (const name of ['files', 'waiting', 'blocked', 'held', 'copied_files', 'copied_bytes', 'scan_seconds']) {
    expect(text).toMatch(new RegExp(`^hearth_sync_${name}\\{entry="B"\\} [0-9.]+$`, 'm'))
  }
}, 60_000)
