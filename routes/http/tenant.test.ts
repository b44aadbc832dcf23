import { describe, expect, test } from 'bun:test'
import { newRouter } from './router.ts'
import { tokenOf } from './tenant.ts'

const app = newRouter()
app.get('/', (c) => new Response(tokenOf(c) ?? '(none)'))
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

describe('tokenOf()', () => {
  test.each<[string, string | undefined, string, string]>([
    ['Bearer', 'Bearer abc', '', 'abc'],
    ['scheme in any case', 'bEARER abc', '', 'abc'],
    ['the password of Basic', basic('any:abc'), '', 'abc'],
    ['a password with a colon', basic(':a:b'), '', 'a:b'],
    ['the query', undefined, '?x=1&bearer_token=a%2Bc', 'a+c'],
    ['the header before the query', 'Bearer abc', '?bearer_token=def', 'abc'],
    ['a header of another scheme', 'Digest abc', '?bearer_token=def', 'def'],
    ['an empty password', basic('user:'), '', '(none)'],
    ['an empty query', undefined, '?bearer_token=', '(none)'],
    ['nothing', undefined, '', '(none)'],
  ])('%s', async (_name, authorization, query, token) => {
    const headers = authorization === undefined ? {} : { authorization }
    expect(await (await app.request(`/${query}`, { headers })).text()).toBe(token)
  })
})
