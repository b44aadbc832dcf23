import { afterAll, beforeAll, expect, test } from 'bun:test'
import { appendFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isGrave, ServerLog } from './server-log.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hearth-log-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('only whole lines, each once', async () => {
  const log = new ServerLog(join(folder, 'a'))
  expect(await log.newLines()).toEqual([])
  await appendFile(log.path, 'one\ntwo\nthr')
  expect(await log.newLines()).toEqual(['one', 'two'])
  expect(await log.newLines()).toEqual([])
  await appendFile(log.path, 'ee\n')
  expect(await log.newLines()).toEqual(['three'])
})

test('a log that grew too long is moved aside, and reading goes on', async () => {
  const log = new ServerLog(join(folder, 'b'), 100)
  await appendFile(log.path, `${'x'.repeat(200)}\n`)
  await log.newLines()
  await log.bound()
  expect((await stat(log.path)).size).toBe(0)
  expect(await readFile(`${log.path}.1`, 'utf8')).toStartWith('xxx')
  await appendFile(log.path, 'on\n')
  await log.bound()
  expect(await log.newLines()).toEqual(['on'])
})

test.each([
  ['2026-11-22 17:28:13.215 UTC [7] FATAL:  could not write', true],
  ['2026-11-22 17:28:13.215 UTC [7] PANIC:  no space', true],
  ['2026-11-22 17:28:13.215 UTC [7] LOG:  ready', false],
  ['2026-11-22 17:28:13.215 UTC [7] ERROR:  duplicate key', false],
])('%s: %p', (line, grave) => {
  expect(isGrave(line)).toBe(grave)
})
