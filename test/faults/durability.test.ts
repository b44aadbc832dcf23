/** SIGKILL under load: no acknowledged write is lost, nothing is written by halves, indexes agree with documents. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServer, type TestServer } from '../support/server.ts'
import { asking, Ledger, readAll, Writer } from './ledger.ts'

const type = 'test.durability'
const writers = 16

describe('killed during 16 concurrent writers', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'hearth-durability-'))
  const ledger = new Ledger()
  let server: TestServer
  let token: string

  beforeAll(async () => {
    server = await startServer({ dataDir })
    token = await server.token(type)
    const ask = asking(server, token)
    const made = await ask('POST', `/data/${type}/_index`, { index: { fields: ['n'] }, ddoc: 'by_n', name: 'by_n' })
    expect(made.status).toBe(200)
  }, 60_000)
  afterAll(async () => {
    await server?.killTree()
    rmSync(dataDir, { recursive: true, force: true })
  })

  /** Writes until the server is dead; every answer that came must have been an acknowledgement. */
  async function load(kill: () => Promise<void>): Promise<number> {
    const before = ledger.acknowledged
    const ask = asking(server, token)
    const refused: number[] = []
    let killed = false
    const writing = Array.from({ length: writers }, async (_, n) => {
      const writer = new Writer(ask, type, `w${n}`, ledger)
      while (!killed) {
        try {
          const status = await writer.step()
          if (status >= 300) refused.push(status)
        } catch (error) {
          if (error instanceof Error && /acknowledged|refused/.test(error.message)) throw error
          return
        }
      }
    })
    await Bun.sleep(150 + Math.random() * 500)
    await kill()
    killed = true
    await Promise.all(writing)
    // A server that dies may still say that its store is gone.
    expect(refused.filter((status) => status !== 503)).toEqual([])
    return ledger.acknowledged - before
  }

  /** Starts again on the same data and compares everything. The token of the first start still serves. */
  async function restartAndCompare(): Promise<void> {
    server = await startServer({ dataDir })
    const ask = asking(server, token)
    const rows = await readAll(ask, type, ledger)
    expect(ledger.compare(rows)).toEqual([])
    const live = rows.flatMap(({ n }) => (n === undefined ? [] : [n])).sort((a, b) => a - b)
    const { body } = await ask('POST', `/couchdb/${type}/_find`, {
      selector: { n: { $gt: 0 } },
      fields: ['n'],
      sort: ['n'],
      use_index: '_design/by_n',
      limit: 100_000,
    })
    expect((body as { docs: { n: number }[] }).docs.map(({ n }) => n)).toEqual(live)
    const info = await ask('GET', `/couchdb/${type}`)
    expect(info.body).toMatchObject({ doc_count: live.length + 1 })
  }

  test('the whole process tree, ten rounds', async () => {
    const written: number[] = []
    for (let round = 0; round < 10; round += 1) {
      written.push(await load(() => server.killTree()))
      await restartAndCompare()
    }
    // Rounds in which nothing was acknowledged prove nothing.
    expect(written.filter((count) => count > 10).length).toBeGreaterThan(7)
  }, 60_000)

  test('Hearth alone, whose PostgreSQL is then adopted', async () => {
    const postmaster = () => readFileSync(join(dataDir, 'pg/18/data/postmaster.pid'), 'utf8').split('\n')[0]
    const before = postmaster()
    for (let round = 0; round < 3; round += 1) {
      await load(() => server.kill())
      await restartAndCompare()
      expect(server.output.stderr).toContain('postgres adopted')
      expect(postmaster()).toBe(before)
    }
    expect(await server.stop()).toBe(0)
    await restartAndCompare()
  }, 60_000)
})
