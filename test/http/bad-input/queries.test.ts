/** Query strings that say nothing sensible. */
import { afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { expectRefusal, faces, openTarget, type Target } from './target.ts'

let target: Target
beforeAll(async () => {
  target = await openTarget('bad.queries')
}, 60_000)
afterEach(() => target.unharmed())

const json = (value: unknown) => encodeURIComponent(JSON.stringify(value))
const bookmark = (text: string) => Buffer.from(text).toString('base64url')

describe.each(faces)('/%s: lists', (face) => {
  const refused = [
    'limit=-1',
    'limit=abc',
    'limit=',
    'limit=1.5',
    'limit=1e3',
    'limit=0x10',
    'limit=%00',
    'limit=1&limit=x',
    'skip=-1',
    'skip=abc',
    'skip=1.5',
    'descending=maybe',
    'include_docs=1',
    'inclusive_end=',
    'conflicts=x',
    'update_seq=yes',
    'key=abc',
    'key=%22',
    'key=',
    'startkey={',
    'endkey=%22\\x%22',
    'start_key=[',
    'keys=abc',
    'keys=not%20json',
    'keys={}',
    'keys=1',
    'keys=null',
    'keys=[',
    'keys=[1,]',
    `key=${json('a')}&keys=${json(['b'])}`,
    `startkey=${'%5B'.repeat(10_000)}`,
    'startkey=%ff',
    'startkey_docid=%E6%97',
    'unknown=%zz',
    '%zz',
    '%ff=1',
    'startkey=1e400',
    'key=%22%5Cud800%22',
  ]
  test.each(refused)('_all_docs?%.40s', async (query) => {
    expectRefusal(await target.ask(`GET /${face}/{db}/_all_docs?${query}`), 400)
    expectRefusal(await target.ask(`POST /${face}/{db}/_all_docs?${query}`, {}), 400)
    expectRefusal(await target.ask(`GET /${face}/{db}/_design_docs?${query}`), 400)
  })

  const harmless = [
    'limit=99999999999999999999&skip=99999999999999999999',
    'limit=9007199254740991&skip=9007199254740991',
    'limit=0',
    'limit=%2B5',
    'startkey=1',
    'startkey={}',
    'endkey=null',
    'startkey=[[[]]]',
    `startkey=${json('\u0000')}`,
    `key=${json('\u0000')}`,
    `endkey=${json('a\u0000')}&descending=true`,
    `startkey=${json('z')}&endkey=${json('a')}`,
    `startkey=${json('x'.repeat(9000))}`,
    `keys=${json(['\u0000', 1, null, {}, [], 'x'.repeat(5000), 'sentinel/é'])}`,
    'keys=[]',
    'startkey_docid=%00',
    'endkey_docid=',
    '__proto__=1&constructor=2',
    'limit=1&&&=&=x',
    'stale=ok&reduce=true&group_level=x&unknown=1',
    'descending=TRUE',
  ]
  test.each(harmless)('_all_docs?%.40s', async (query) => {
    const { status, text } = await target.ask(`GET /${face}/{db}/_all_docs?${query}`)
    expect(status).toBe(200)
    expect(JSON.parse(text).rows).toBeArray()
  })

  test.each([
    ['keys that is an object', { keys: {} }],
    ['keys that is a text', { keys: 'x' }],
    ['keys that is null', { keys: null }],
    ['a limit below 0', { limit: -1 }],
    ['a limit that is an object', { limit: {} }],
    ['a direction that is a number', { descending: 1 }],
  ])('a body with %s', async (_name, body) => {
    expectRefusal(await target.ask(`POST /${face}/{db}/_all_docs`, body), 400)
  })

  test('10,000 times the same key', async () => {
    const { status, text } = await target.ask(`POST /${face}/{db}/_all_docs`, {
      keys: Array(10_000).fill('sentinel/é'),
    })
    expect(status).toBe(200)
    expect(JSON.parse(text).rows).toHaveLength(10_000)
  })

  test.each(['limit=-1', 'limit=abc', 'skip=x'])('_index?%s', async (query) => {
    expectRefusal(await target.ask(`GET /${face}/{db}/_index?${query}`), 400)
  })
})

describe.each(faces)('/%s: one document', (face) => {
  const path = `/${face}/{db}/sentinel%2F%C3%A9`
  const revisions = ['bad', '1', '-', '-abc', '-1-abc', '1.5-abc', '99999999999999999999-a', '1-%00']

  test.each(revisions)('rev=%s', async (rev) => {
    expectRefusal(await target.ask(`GET ${path}?rev=${rev}`), 400)
    expectRefusal(await target.ask(`DELETE ${path}?rev=${rev}`), 400)
    expectRefusal(await target.ask(`PUT ${path}?rev=${rev}`, { changed: true }), 400)
    expectRefusal(await target.ask(`GET ${path}?open_revs=${json([decodeURIComponent(rev)])}`), 400)
    const headers = { 'if-match': decodeURIComponent(rev).replace('\u0000', '%00%00') }
    if (!rev.includes('%')) expectRefusal(await target.ask(`DELETE ${path}`, undefined, headers), 400)
  })

  test.each(['open_revs=x', 'open_revs={}', 'open_revs=[1]', 'open_revs=[null]', 'open_revs=[', 'open_revs='])(
    '%s',
    async (query) => {
      expectRefusal(await target.ask(`GET ${path}?${query}`), 400)
    },
  )

  test.each(['rev=1-abc', 'rev=1-%E6%97%A5', `rev=1-${'x'.repeat(1000)}`, 'rev=9007199254740990-a'])(
    'a revision that is not there: %.30s',
    async (query) => {
      expectRefusal(await target.ask(`GET ${path}?${query}`), 404)
      expectRefusal(await target.ask(`DELETE ${path}?${query}`), 409)
      expectRefusal(await target.ask(`PUT ${path}?${query}`, { changed: true }), 409)
    },
  )

  test('revisions that do not agree', async () => {
    const headers = { 'if-match': '"1-aaa"' }
    expectRefusal(await target.ask(`DELETE ${path}?rev=1-bbb`, undefined, headers), 400)
    expectRefusal(await target.ask(`PUT ${path}?rev=1-bbb`, {}, headers), 400)
    expectRefusal(await target.ask(`PUT ${path}?rev=1-bbb`, { _rev: '1-ccc' }), 400)
    // CouchDB takes the id of the path then, whose document is there already.
    expectRefusal(await target.ask(`PUT ${path}`, { _id: 'other' }), face === 'data' ? 400 : 409)
  })
})

describe('/data: its own parameters', () => {
  test.each(['abc', 'nil', '%00', '%22', bookmark('{}'), bookmark('after'), `${bookmark('after:a')}=`])(
    '_normal_docs?bookmark=%s',
    async (text) => {
      expectRefusal(await target.ask(`GET /data/{db}/_normal_docs?bookmark=${text}`), 400)
    },
  )

  test.each([
    `bookmark=${bookmark('after:a\u0000b')}`,
    `bookmark=${bookmark(`after:${'x'.repeat(9000)}`)}`,
    'limit=abc',
    'limit=-5',
    'limit=1e9',
    'limit=99999999999999999999',
    'skip=-1',
    'skip=abc',
    'skip=999999999999999',
    'execution_stats=1',
  ])('_normal_docs?%.40s', async (query) => {
    const { status, text } = await target.ask(`GET /data/{db}/_normal_docs?${query}`)
    expect(status).toBe(200)
    expect(JSON.parse(text).rows).toBeArray()
  })

  test.each(['Fields=a..b', 'Fields=,', 'Fields=', 'Fields=%00', 'Fields=__proto__.x', 'DesignDocs=maybe&limit=-1'])(
    '_all_docs?%s',
    async (query) => {
      expect((await target.ask(`GET /data/{db}/_all_docs?${query}`)).status).toBe(200)
    },
  )
})

describe('/couchdb: the server', () => {
  test.each(['_uuids?count=-1', '_uuids?count=abc', '_uuids?count=100000000', '_all_dbs?limit=-1', '_dbs_info?keys=x'])(
    '%s',
    async (path) => {
      expectRefusal(await target.ask(`GET /couchdb/${path}`), 400)
    },
  )

  test.each(['name=a&password=%zz', 'password=x', 'name=a', '{"name":1}', 'null', '%'])(
    '_session with %s',
    async (body) => {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      expectRefusal(await target.ask('POST /couchdb/_session', body, headers), 400)
    },
  )

  test.each(['%zz', '', '"', 'a; AuthSession=b', '=;=;;', 'x'.repeat(9000)])('a cookie %.20s', async (value) => {
    const headers = { cookie: `AuthSession=${value}`, authorization: '' }
    expectRefusal(await target.ask('GET /couchdb/{db}', undefined, headers), 401)
    expect((await target.ask('GET /couchdb/_session', undefined, headers)).status).toBe(200)
  })
})

describe('tokens', () => {
  const good = () => target.token
  const tokens: readonly [name: string, token: () => string][] = [
    ['a word', () => 'nonsense'],
    ['two dots', () => '..'],
    ['a tail', () => `${good()}x`],
    ['no signature', () => good().replace(/[^.]+$/, '')],
    ['another signature', () => `${good().slice(0, -4)}AAAA`],
    ['no algorithm', () => `${Buffer.from('{"alg":"none"}').toString('base64url')}.${good().split('.')[1]}.`],
    ['a header that is no object', () => `${Buffer.from('[]').toString('base64url')}.${good().split('.')[1]}.AAAA`],
    ['claims that are no JSON', () => `${good().split('.')[0]}.AAAA.${good().split('.')[2]}`],
    ['40 kB', () => 'x'.repeat(40_000)],
    ['U+0000', () => 'a%00b'],
  ]
  test.each(tokens)('%s: 400 under /data, 401 under /couchdb', async (_name, token) => {
    const value = token()
    for (const authorization of [`Bearer ${value}`, `Basic ${btoa(`x:${value}`)}`, `bEaReR  ${value} `]) {
      expectRefusal(await target.ask('GET /data/{db}/x', undefined, { authorization }), 400)
      expectRefusal(await target.ask('GET /couchdb/{db}/x', undefined, { authorization }), 401)
    }
    expectRefusal(await target.ask(`GET /data/{db}/x?bearer_token=${value}`, undefined, { authorization: '' }), 400)
  })

  test.each(['', 'Bearer', 'Bearer ', 'Basic', 'Basic %%%', 'Basic eDo=', 'Digest a="b"', 'x', 'é'])(
    'none in %j: 401',
    async (text) => {
      const authorization = Buffer.from(text).toString('latin1')
      expectRefusal(await target.ask('GET /data/{db}/x', undefined, { authorization }), 401)
      expectRefusal(await target.ask('GET /couchdb/{db}/x', undefined, { authorization }), 401)
      expectRefusal(await target.ask('DELETE /data/{db}', undefined, { authorization }), 401)
    },
  )
})
