/**
 * Batches of two processes over the same databases in random order, with somebody who follows what changes: no deadlock,
 * commit order is sequence order, counters exact. The control locks each database when it is
 * reached, and proves that this test can fail.
 */
import { beforeAll, describe, expect, test } from 'bun:test'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type postgres from 'postgres'
import { indexCompiler } from '../../src/documents/mango/index-compiler.ts'
import { openPostgresDocuments } from '../../storage/postgres/documents.ts'
import { bothPostgres, plainSql, type Target } from '../conformance/postgres-targets.ts'
import type { BatchReport } from './batch-writer.ts'

const timeout = 60_000
const writeMs = 3_000
const prefix = 'batches'
const page = 200

for (const server of bothPostgres) {
  describe.skipIf(!server.available)(server.name, () => {
    let target: Target
    beforeAll(async () => {
      target = await server.createDatabase()
      const store = await openPostgresDocuments({ target, maxConnections: 1, compiler: indexCompiler, sweepEveryMs: 0 })
      for (let n = 0; n < 8; n += 1) await store.createDatabase({ prefix, name: `db${n}` })
      await store.close()
    }, timeout)

    test(
      'two processes of eight writers, and a follower who misses nothing',
      async () => {
        const sql = plainSql(target)
        const follower = new Follower(sql)
        const writing = Promise.all([runWriters(target), runWriters(target)])
        let ended = false
        const following = (async () => {
          while (!ended) await follower.poll()
          await follower.poll()
        })()
        const reports = await writing
        ended = true
        await following

        expect(reports.flatMap(({ errors }) => errors)).toEqual([])
        const ok = reports.reduce((sum, report) => sum + report.ok, 0)
        expect(ok).toBeGreaterThan(500)
        expect(reports[0]!.conflicts + reports[1]!.conflicts).toBeGreaterThan(100)
        expect(follower.disorder).toEqual([])
        expect(await follower.differences()).toEqual([])
        const counters = await sql`
          SELECT d.name, d.update_seq = max(x.seq) AS last, d.doc_count = count(*) FILTER (WHERE NOT x.deleted) AS live,
            d.deleted_count = count(*) FILTER (WHERE x.deleted) AS dead, d.update_seq
          FROM databases d JOIN docs x USING (db) WHERE d.prefix = ${prefix} GROUP BY d.db`
        expect(counters).toHaveLength(8)
        expect(counters.filter(({ last, live, dead }) => !(last && live && dead))).toEqual([])
        expect(counters.reduce((sum, { update_seq }) => sum + Number(update_seq), 0)).toBe(ok)
        await sql.end({ timeout: 1 })
      },
      timeout,
    )

    test(
      'control: locks taken one after another in the order of the edits deadlock',
      async () => {
        const sql = plainSql(target)
        await lockInOrderGiven(sql)
        // A matter of chance: a few rounds make it certain.
        let errors = ''
        for (let round = 0; round < 8 && !errors.includes('deadlock detected'); round += 1) {
          const reports = await Promise.all([runWriters(target), runWriters(target)])
          errors += reports.flatMap((report) => report.errors).join()
        }
        expect(errors).toContain('deadlock detected')
        await sql.end({ timeout: 1 })
      },
      timeout,
    )
  })
}

async function runWriters(target: Target): Promise<BatchReport> {
  const args = [join(import.meta.dirname, 'batch-writer.ts'), JSON.stringify(target), prefix, String(writeMs)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part
  })
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`the writers ended with ${code}: ${text}`)
  return JSON.parse(text) as BatchReport
}

interface Change {
  readonly db: string
  readonly id: string
  readonly seq: string
  readonly rev: string
}

/** Asks every database for what came after the last sequence it has seen, as a changes feed does. */
class Follower {
  readonly disorder: string[] = []
  readonly #sql: postgres.Sql
  readonly #seen = new Map<string, bigint>()
  readonly #documents = new Map<string, string>()

  constructor(sql: postgres.Sql) {
    this.#sql = sql
  }

  async poll(): Promise<void> {
    const databases = await this.#sql<{ db: string }[]>`SELECT db FROM databases WHERE prefix = ${prefix}`
    for (const { db } of databases) for (let full = true; full; ) full = await this.#read(db)
  }

  async #read(db: string): Promise<boolean> {
    const since = this.#seen.get(db) ?? 0n
    const rows = await this.#sql<Change[]>`
      SELECT db, id, seq, gen || '-' || hash AS rev FROM docs WHERE db = ${db} AND seq > ${since.toString()}
      ORDER BY seq LIMIT ${page}`
    for (const change of rows) {
      const seq = BigInt(change.seq)
      if (seq <= (this.#seen.get(db) ?? 0n)) this.disorder.push(`${db}: ${seq} after ${this.#seen.get(db)}`)
      this.#seen.set(db, seq)
      this.#documents.set(`${db} ${change.id}`, `${change.seq} ${change.rev}`)
    }
    return rows.length === page
  }

  /** Documents whose last change was not followed. */
  async differences(): Promise<string[]> {
    const rows = await this.#sql<Change[]>`
      SELECT db, id, seq, gen || '-' || hash AS rev FROM docs JOIN databases USING (db) WHERE prefix = ${prefix}`
    expect(rows.length).toBe(this.#documents.size)
    return rows.flatMap(({ db, id, seq, rev }) => {
      const followed = this.#documents.get(`${db} ${id}`)
      return followed === `${seq} ${rev}` ? [] : [`${db} ${id}: ${seq} ${rev}, followed to ${followed}`]
    })
  }
}

/** Replaces the first statement of `hearth_write` by one that locks each database when it is reached. */
async function lockInOrderGiven(sql: postgres.Sql): Promise<void> {
  const [row] = await sql<{ text: string }[]>`SELECT pg_get_functiondef('hearth_write'::regproc) AS text`
  const text = row?.text ?? ''
  const naive = text.replace(
    /PERFORM 1 FROM databases d WHERE d\.db = ANY \(p_db\)[^;]*;/,
    `FOR n_bad IN 1 .. array_length(p_db, 1) LOOP
       PERFORM 1 FROM databases d WHERE d.db = p_db[n_bad] FOR NO KEY UPDATE;
     END LOOP;`,
  )
  expect(naive).not.toBe(text)
  await sql.unsafe(naive)
}
