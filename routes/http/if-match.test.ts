import { describe, expect, test } from 'bun:test'
import { Problem } from '../../src/model/errors.ts'
import { formatRevision, parseRevision } from '../../src/model/revision.ts'
import { ifMatch, revisionAsked } from './if-match.ts'
import { newRouter } from './router.ts'

/** Asks a route for what it makes of its If-Match header, the query and a document's revision. */
async function ask(given: { header?: string; query?: string; body?: string }): Promise<string> {
  const app = newRouter()
  app.get('/tag', (c) => c.text(ifMatch(c) ?? 'none'))
  app.get('/rev', (c) => {
    try {
      const body = given.body === undefined ? undefined : parseRevision(given.body)
      const rev = revisionAsked(c, { body, query: given.query })
      return c.text(rev === undefined ? 'none' : formatRevision(rev))
    } catch (error) {
      if (error instanceof Problem) return c.text(error.reason)
      throw error
    }
  })
  const path = given.query === undefined && given.body === undefined ? '/tag' : '/rev'
  const headers: Record<string, string> = given.header === undefined ? {} : { 'if-match': given.header }
  return (await app.request(path, { headers })).text()
}

describe('ifMatch()', () => {
  test.each([
    [undefined, 'none'],
    ['', 'none'],
    ['""', 'none'],
    ['1-a', '1-a'],
    ['"1-a"', '1-a'],
    [' "1-a" ', '1-a'],
    ['W/"1-a"', '1-a'],
  ])('%p is %p', async (header, value) => {
    expect(await ask(header === undefined ? {} : { header })).toBe(value)
  })
})

describe('revisionAsked()', () => {
  const bodyAndQuery = 'Document rev from request body and query string have different values'
  const tag = 'Document rev and etag have different values'
  test.each([
    [{ query: '' }, 'none'],
    [{ query: '1-a' }, '1-a'],
    [{ query: '', header: '"1-a"' }, '1-a'],
    [{ query: '1-a', header: '"1-a"', body: '1-a' }, '1-a'],
    [{ query: '1-b', body: '1-a' }, bodyAndQuery],
    [{ header: '1-b', body: '1-a' }, tag],
    [{ query: '1-a', header: '"1-b"' }, tag],
    [{ query: 'x' }, 'Invalid rev format'],
    [{ query: '1-a', header: 'x' }, 'Invalid rev format'],
  ])('%j is %p', async (given, value) => expect(await ask(given)).toBe(value))
})
