/** A statement that fails between two rows must not show in the results of later ones. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type postgres from 'postgres'
import { bothPostgres, plainSql, type Target } from '../../test/conformance/postgres-targets.ts'
import { openPool, type Sql } from './connection.ts'

for (const server of bothPostgres) {
  describe.skipIf(!server.available)(`results: ${server.name}`, () => {
    let target: Target
    let sql: Sql
    beforeAll(async () => {
      target = await server.createDatabase()
      sql = openPool({ target, maxConnections: 1 })
    }, 60_000)
    afterAll(() => sql?.end({ timeout: 1 }))

    /** Long rows, so that many are sent before the one that fails. */
    const failing = async (on: Sql | postgres.TransactionSql) => {
      const long = 'x'.repeat(4_000)
      await expect(
        on`SELECT ${long} AS long, 1 / (n - 50) FROM generate_series(1, 100) AS n`.execute().catch((error) => {
          throw new Error(error.code)
        }),
      ).rejects.toThrow('22012')
    }

    test('rows, values and the first row', async () => {
      await failing(sql)
      expect([...(await sql`SELECT n FROM generate_series(1, 3) AS n`)]).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
      await failing(sql)
      expect([...(await sql`SELECT 7`.values())]).toEqual([[7]])
      await failing(sql)
      const [first] = await sql`SELECT 8 AS eight`
      expect(first).toEqual({ eight: 8 })
      await failing(sql)
      const none = await sql`SELECT 9 WHERE false`
      expect([none.length, none.count]).toEqual([0, 0])
    })

    test('inside a transaction, and after one', async () => {
      await expect(sql.begin((tx) => failing(tx).then(() => tx`SELECT 1`))).rejects.toThrow()
      const rows = await sql.begin(async (tx) => {
        await tx.savepoint((point) => failing(point).then(() => point`SELECT 1`)).catch(() => {})
        return tx`SELECT n FROM generate_series(1, 2) AS n`
      })
      expect([...rows]).toEqual([{ n: 1 }, { n: 2 }])
    })

    test('after a connection that was cut between two rows', async () => {
      const other = plainSql(target)
      for (let round = 0; round < 5; round += 1) {
        const [{ pid } = { pid: 0 }] = await sql<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`
        const cut = sql`SELECT repeat('x', 4000), pg_sleep(0.002) FROM generate_series(1, 1000)`.execute()
        const ended = cut.then(
          () => 'complete',
          () => 'cut',
        )
        await Bun.sleep(100)
        await other`SELECT pg_terminate_backend(${pid})`
        expect(await ended).toBe('cut')
        // Until the driver has seen that the connection is gone it fails.
        const next = () => sql`SELECT n FROM generate_series(1, 3) AS n`.values()
        const rows = await next().catch(() => Bun.sleep(50).then(next))
        expect([...rows]).toEqual([[1], [2], [3]])
      }
      await other.end({ timeout: 1 })
    })
  })
}
