/** The size of a file, held against both places that read it: `fileSize` here and `hearth_file_size` in SQL. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Json } from '../../../src/model/json/value.ts'
import { embedded, plainSql } from '../../../test/conformance/postgres-targets.ts'
import { openPool } from '../connection.ts'
import { migrate } from '../migrate.ts'
import { fileSize } from './file-size.ts'

const sizes: readonly (readonly [what: string, document: Json, size: number])[] = [
  ['text of digits', { size: '12' }, 12],
  ['zero', { size: '0' }, 0],
  ['leading zeros', { size: '007' }, 7],
  ['the most digits', { size: '900719925474099100' }, 900_719_925_474_099_100],
  ['too many digits', { size: '1234567890123456789' }, 0],
  ['a number', { size: 12 }, 12],
  ['a fraction', { size: 1.5 }, 0],
  ['a negative number', { size: -1 }, 0],
  ['text of a negative number', { size: '-1' }, 0],
  ['white space around it', { size: ' 12 ' }, 0],
  ['a line end behind it', { size: '12\n' }, 0],
  ['digits of another script', { size: '\u0661\u0662' }, 0],
  ['no digits', { size: 'large' }, 0],
  ['nothing in it', { size: '' }, 0],
  ['true', { size: true }, 0],
  ['null', { size: null }, 0],
  ['a list', { size: [5] }, 0],
  ['an object', { size: { size: '5' } }, 0],
  ['no size', {}, 0],
  ['a document that is a list', [{ size: '5' }], 0],
  ['a document that is text', 'size', 0],
]

let sql: ReturnType<typeof plainSql>

beforeAll(async () => {
  const target = await embedded.createDatabase()
  const pool = openPool({ target, maxConnections: 1 })
  await migrate(pool)
  await pool.end()
  sql = plainSql(target)
}, 60_000)
afterAll(() => sql?.end())

test.each(sizes)('%s -> the same size in both', async (_what, document, size) => {
  const [row] = await sql<{ size: string }[]>`SELECT hearth_file_size(${JSON.stringify(document)}::text::jsonb) AS size`
  expect([fileSize(document), Number(row?.size)]).toEqual([size, size])
})
