/** cozy-stack-client, unmodified: what it makes of tokens that are not good, or not good enough. */
import { afterEach, beforeAll, describe, expect, test } from 'bun:test'
import type { TestServer } from '../support/server.ts'
import { type Client, failure, newClient, openStack, recordRequests } from './stack-client.ts'

let server: TestServer
let host: string
let client: Client

beforeAll(async () => {
  ;({ server, host, client } = await openStack())
}, 60_000)

let recording: ReturnType<typeof recordRequests> | undefined
afterEach(() => recording?.stop())

/** What the client sends from now to the end of the test. */
function record(answer?: (url: string) => Response | undefined): string[] {
  recording = recordRequests(server.url, answer)
  return recording.sent
}

describe('tokens', () => {
  const doctype = 'test.stack.tokens'

  test('an expired one is refreshed, and the call is made again', async () => {
    const expired = await server.token(doctype, { domain: host, expire: '1s' })
    const good = await server.token(doctype, { domain: host })
    await Bun.sleep(1100)
    const given: unknown[] = []
    const stale = newClient(server.url, expired, { onTokenRefresh: (token: unknown) => given.push(token) })
    const page = `<div data-cozy="{&#34;token&#34;:&#34;${good}&#34;}"></div>`
    const sent = record((url) => (url === '/?refreshToken' ? new Response(page) : undefined))
    const { data } = await stale.collection(doctype).create({ n: 1 })
    expect(data).toMatchObject({ n: 1 })
    expect(given).toHaveLength(1)
    expect(sent).toEqual([`POST /data/${doctype}/ 400`, 'GET /?refreshToken 200', `POST /data/${doctype}/ 201`])
  })

  const badTokens: [string, () => Promise<string>, number, RegExp][] = [
    ['expired', () => server.token(doctype, { domain: host, expire: '1s' }), 1100, /Expired token|Invalid token/],
    ['no token at all', async () => 'nonsense', 0, /Invalid/],
    ['of another instance', () => server.token(doctype), 0, /Invalid/],
  ]
  test.each(badTokens)('%s: the failure says so', async (_name, token, wait, message) => {
    const value = await token()
    await Bun.sleep(wait)
    record((url) => (url.includes('refreshToken') ? new Response('', { status: 500 }) : undefined))
    const error = await failure(newClient(server.url, value).collection(doctype).all())
    expect(error.status).toBe(400)
    expect(error.message).toMatch(message)
  })

  test('the body names what is wrong in the words that clients look for', async () => {
    const expired = await server.token(doctype, { domain: host, expire: '1s' })
    await Bun.sleep(1100)
    const spoken = async (token: string) =>
      (await fetch(`${server.url}/data/${doctype}/x`, { headers: { authorization: `Bearer ${token}` } })).text()
    expect(await spoken(expired)).toContain('Expired token')
    expect(await spoken('nonsense')).toContain('Invalid JWT token')
  })

  test('one that allows less is 403', async () => {
    const reader = newClient(server.url, await server.token(`${doctype}:GET`, { domain: host }))
    await client.collection(doctype).create({ _id: 'seen' })
    expect((await reader.collection(doctype).get('seen')).data).toMatchObject({ _id: 'seen' })
    expect(await failure(reader.collection(doctype).create({ n: 1 }))).toMatchObject({ status: 403 })
    expect(await failure(reader.collection('test.stack.all').all())).toMatchObject({
      status: 403,
      reason: { error: 'code=403, message=Forbidden' },
    })
  })
})
