/**
 * What the original program (Onitu, API 1.0, December 2014) answered, asked again here. Where its documentation says
 * otherwise than the program did, the rows hold what the documentation says.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type SyncServer, startSyncServer } from '../../sync/server.ts'
import { type Row, replay } from './replay.ts'

const rows = readFileSync(join(import.meta.dirname, 'shown.jsonl'), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Row)

/** Rows of class `defect`: what the original did wrong, and why it is not done here. */
const refused: Readonly<Record<string, string>> = {
  cors: 'any page of the web could have read and changed what is synchronised',
  'doc/api-v1': 'it led to a page of documentation that the program brought along',
}

const rulesOfTheSample = [
  { match: { path: '/' }, sync: ['A'] },
  { match: { path: '/backedup/', mime: ['application/pdf'] }, sync: ['B'] },
]

function phase(name: string, options: { entries: readonly string[]; rules: readonly object[] }): void {
  describe(`recorded answers: ${name}`, () => {
    let server: SyncServer
    beforeAll(async () => {
      server = await startSyncServer(options)
    }, 60_000)
    afterAll(async () => {
      await server.stop()
      server.clean()
    })
    for (const row of rows.filter((one) => one.phase === name && one.class !== 'defect')) {
      test(`${row.name}: ${row.method} ${row.target} -> ${[row.expect.status].flat().join(' or ')}`, async () => {
        expect(await replay({ url: server.syncUrl, roots: server.roots }, row)).toEqual([])
      }, 60_000)
    }
  })
}

phase('main', { entries: ['A', 'B'], rules: rulesOfTheSample })
phase('names', { entries: ['R€p1', 'my entry'], rules: [] })

test('every other row is refused for a reason', () => {
  const others = rows.filter((one) => one.class === 'defect').map(({ name }) => name)
  expect(others).toEqual(Object.keys(refused))
  expect(rows.length).toBeGreaterThan(90)
})
