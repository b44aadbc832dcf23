/** Triggers of two real servers on one database: by time, by events, by webhooks; and a server that is killed with its jobs. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { postgresBin } from '../support/postgres.ts'
import { startServer, type TestServer } from '../support/server.ts'

interface JobObject {
  readonly id: string
  readonly attributes: {
    readonly state: string
    readonly message: unknown
    readonly event?: string | null
    readonly payload?: string
    readonly debounced?: boolean
  }
}

const env = { HEARTH_JOBS_TAKE_OVER_AFTER: '2s' }

describe.skipIf(postgresBin() === undefined)('triggers of two servers', () => {
  let [one, two] = [] as unknown as [TestServer, TestServer]
  let token: string

  beforeAll(async () => {
    one = await startServer({ database: 'external', env })
    two = await startServer({ env: { ...env, HEARTH_DATABASE_URL: one.databaseUrl } })
    token = await one.token('io.cozy.jobs io.cozy.triggers test.events')
  }, 120_000)
  afterAll(async () => {
    for (const server of [one, two]) await server?.killTree()
  })

  async function ask<T>(server: TestServer, method: string, path: string, body?: unknown) {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', host: one.domain }
    const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) }
    const answer = await server.fetch(path, init)
    const text = await answer.text()
    return { status: answer.status, body: (text === '' ? {} : JSON.parse(text)) as T }
  }
  async function addTrigger(attributes: object): Promise<string> {
    const order = { data: { attributes: { worker: 'log', message: 'hello', ...attributes } } }
    const { status, body } = await ask<{ data: { id: string } }>(one, 'POST', '/jobs/triggers', order)
    expect(status).toBe(201)
    return body.data.id
  }
  const jobsOf = async (trigger: string) =>
    (await ask<{ data: JobObject[] }>(one, 'GET', `/jobs/triggers/${trigger}/jobs?Limit=500`)).body.data ?? []
  const until = async (what: string, check: () => Promise<boolean>) => {
    const deadline = Date.now() + 60_000
    while (!(await check())) {
      if (Date.now() > deadline) throw new Error(`${what} did not happen:\n${one.output.stderr.slice(-1000)}`)
      await Bun.sleep(50)
    }
  }
  const decoded = (text: string | null | undefined) => JSON.parse(Buffer.from(text ?? '', 'base64').toString())

  test('a single moment fires once, and its trigger is gone', async () => {
    const id = await addTrigger({ type: '@in', arguments: '300ms' })
    await until('its end', async () => (await ask(one, 'GET', `/jobs/triggers/${id}`)).status === 404)
    await until('its job', async () =>
      (
        await ask<{ rows: { doc: { trigger_id?: string; state: string } }[] }>(
          one,
          'GET',
          '/data/io.cozy.jobs/_all_docs?include_docs=true',
        )
      ).body.rows.some(({ doc }) => doc.trigger_id === id && doc.state === 'done'),
    )
  }, 100_000)

  test('an interval fires again and again, once for both servers', async () => {
    const id = await addTrigger({ type: '@every', arguments: '1s' })
    const started = Date.now()
    await until('three jobs', async () => (await jobsOf(id)).length >= 3)
    await ask(one, 'DELETE', `/jobs/triggers/${id}`)
    const { rows } = (
      await ask<{ rows: { doc: { trigger_id?: string } }[] }>(
        one,
        'GET',
        '/data/io.cozy.jobs/_all_docs?include_docs=true',
      )
    ).body
    const count = rows.filter(({ doc }) => doc.trigger_id === id).length
    expect(count).toBeLessThanOrEqual((Date.now() - started) / 1000 + 1)
  }, 100_000)

  test('every document that either server writes raises its event, once', async () => {
    const id = await addTrigger({ type: '@event', arguments: 'test.events:CREATED:yes:wanted', worker: 'client' })
    const write = (server: TestServer, n: number) =>
      ask(server, 'PUT', `/data/test.events/d${n}`, { n, wanted: n % 3 === 0 ? 'no' : 'yes' })
    expect((await write(one, 0)).status).toBeLessThan(300)
    // The other server has heard of the trigger when its own first document counts.
    for (let n = 1; n < 30; n += 1) expect((await write(n % 2 ? one : two, n)).status).toBeLessThan(300)
    await until('all jobs', async () => (await jobsOf(id)).length >= 20)
    const ids = (await jobsOf(id)).map(({ attributes }) => decoded(attributes.event).doc._id as string)
    const expected = Array.from({ length: 30 }, (_, n) => n).filter((n) => n % 3 !== 0)
    expect(ids.sort()).toEqual(expected.map((n) => `d${n}`).sort())
    await ask(one, 'DELETE', `/jobs/triggers/${id}`)
  }, 100_000)

  test('what a member was before tells whether it changed; what is deleted comes with what it held', async () => {
    const changes = await addTrigger({ type: '@event', arguments: 'test.events:UPDATED:!=:title', worker: 'client' })
    const deletions = await addTrigger({ type: '@event', arguments: 'test.events:DELETED', worker: 'client' })
    const put = async (rev: string | undefined, title: string, n: number) => {
      const body = { title, n, ...(rev === undefined ? {} : { _rev: rev }) }
      return (await ask<{ rev: string }>(one, 'PUT', '/data/test.events/changing', body)).body.rev
    }
    let rev = await put(undefined, 'a', 1)
    rev = await put(rev, 'a', 2)
    rev = await put(rev, 'b', 3)
    await until('the change', async () => (await jobsOf(changes)).length === 1)
    await ask(one, 'DELETE', `/data/test.events/changing?rev=${rev}`)
    await until('the deletion', async () => (await jobsOf(deletions)).length === 1)
    const changed = (await jobsOf(changes)).map(({ attributes }) => decoded(attributes.event))
    expect(changed).toMatchObject([{ verb: 'UPDATED', doc: { title: 'b' }, old: { title: 'a' } }])
    const [gone] = await jobsOf(deletions)
    expect(decoded(gone?.attributes.event)).toMatchObject({ verb: 'DELETED', doc: { _id: 'changing', title: 'b' } })
    for (const id of [changes, deletions]) await ask(one, 'DELETE', `/jobs/triggers/${id}`)
  }, 100_000)

  test('a webhook hands over what it got; a debounced one gathers, and only 30 calls an hour count', async () => {
    const id = await addTrigger({ type: '@webhook', debounce: '2s' })
    const calls: number[] = []
    for (let n = 0; n < 32; n += 1)
      calls.push((await ask(n % 2 ? one : two, 'POST', `/jobs/webhooks/${id}`, { n })).status)
    expect(calls).toEqual([...Array<number>(30).fill(204), 404, 404])
    await until('the jobs', async () => {
      const jobs = await jobsOf(id)
      return jobs.length > 0 && jobs.every(({ attributes }) => attributes.state === 'done')
    })
    const jobs = await jobsOf(id)
    // Thirty calls may take longer than the time of one gathering on a busy machine.
    expect(jobs.length).toBeLessThan(10)
    expect(jobs.some(({ attributes }) => attributes.debounced === true)).toBeTrue()
    const event = await addTrigger({ type: '@event', arguments: 'test.events' })
    expect((await ask(one, 'POST', `/jobs/webhooks/${event}`, {})).status).toBe(422)
    await ask(one, 'DELETE', `/jobs/triggers/${event}`)
  }, 100_000)

  test('jobs of a killed server are done by the other one, each to its end', async () => {
    const ids: string[] = []
    for (let n = 0; n < 40; n += 1) {
      const order = { data: { attributes: { arguments: `n${n}` } } }
      const server = n % 2 ? one : two
      ids.push((await ask<{ data: { id: string } }>(server, 'POST', '/jobs/queue/log', order)).body.data.id)
      if (n === 20) await two.kill()
      if (n >= 20) two = one
    }
    for (const id of ids) {
      await until(`job ${id}`, async () => {
        const { body } = await ask<{ data: JobObject }>(one, 'GET', `/jobs/${id}`)
        return body.data.attributes.state === 'done'
      })
    }
  }, 100_000)
})
