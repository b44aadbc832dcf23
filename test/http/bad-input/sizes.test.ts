/** Documents and requests over the limits: 413 in time, nothing written. */
import { afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { Readable } from 'node:stream'
import { expectRefusal, faces, openTarget, type Target } from './target.ts'

const maxDocument = 8_000_000
const maxRequest = 64 * 1024 ** 2

let target: Target
beforeAll(async () => {
  target = await openTarget('bad.sizes')
}, 60_000)
afterEach(() => target.unharmed())

/** A document of exactly this many bytes. */
const ofSize = (bytes: number) => `{"t":"${'x'.repeat(bytes - 8)}"}`

describe.each(faces)('/%s', (face) => {
  const path = `/${face}/{db}`
  const missing = async (id: string) => expect((await target.ask(`GET ${path}/${id}`)).status).toBe(404)

  test('a document of the largest size', async () => {
    // The database prints a blank behind the colon.
    expect((await target.ask(`PUT ${path}/largest-${face}`, ofSize(maxDocument - 1))).status).toBeOneOf([200, 201])
    const { t } = JSON.parse((await target.ask(`GET ${path}/largest-${face}`)).text)
    expect(t).toHaveLength(maxDocument - 9)
  }, 30_000)

  test('a document of one byte more', async () => {
    const reply = await target.ask(`PUT ${path}/larger`, ofSize(maxDocument + 1))
    expectRefusal(reply, 413)
    expect(JSON.parse(reply.text)).toMatchObject({ error: 'document_too_large', reason: 'larger' })
    expectRefusal(await target.ask(`POST ${path}`, ofSize(maxDocument + 1)), 413)
    await missing('larger')
  }, 30_000)

  test('a document that is larger in characters of several bytes', async () => {
    expectRefusal(await target.ask(`PUT ${path}/larger`, `{"t":"${'é'.repeat(maxDocument / 2)}"}`), 413)
    await missing('larger')
  }, 30_000)

  test('a document whose numbers the database would print longer', async () => {
    expectRefusal(await target.ask(`PUT ${path}/larger`, `{"n":[${Array(30_000).fill('1e300').join()}]}`), 413)
    await missing('larger')
  }, 30_000)

  test('one of several documents', async () => {
    const docs = `{"docs":[{"_id":"beside-${face}"},{"_id":"larger",${ofSize(maxDocument + 1).slice(1)}]}`
    const reply = await target.ask(`POST ${path}/_bulk_docs`, docs)
    expectRefusal(reply, 413)
    expect(JSON.parse(reply.text)).toMatchObject({ error: 'document_too_large', reason: 'larger' })
    await missing('larger')
    await missing(`beside-${face}`)
  }, 30_000)

  test.each(['PUT {path}/x', 'POST {path}', 'POST {path}/_bulk_docs', 'POST {path}/_find', 'POST {path}/_index'])(
    'a request over the limit: %s',
    async (request) => {
      const reply = await target.ask(request.replace('{path}', path), ' '.repeat(maxRequest + 1))
      expectRefusal(reply, 413)
      expect(JSON.parse(reply.text)).toMatchObject({ error: 'too_large' })
    },
    30_000,
  )

  test('a request over the limit that does not say how long it is', async () => {
    const megabyte = Buffer.alloc(1024 ** 2, ' ')
    const endless = Readable.from(
      (function* () {
        for (let n = 0; n < 70; n++) yield megabyte
      })(),
    )
    const response = await target.server.fetch(`/${face}/${target.db}/_bulk_docs`, {
      method: 'POST',
      headers: { host: target.domain, authorization: `Bearer ${target.token}`, 'content-type': 'application/json' },
      body: endless,
    })
    expect(response.status).toBe(413)
    expect(await response.json()).toMatchObject({ error: 'too_large' })
  }, 30_000)
})
