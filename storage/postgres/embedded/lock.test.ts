import { afterAll, beforeAll, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StartupError } from '../../../src/model/startup-error.ts'
import { takeLock } from './lock.ts'
import { startTimeOf } from './processes.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hearth-lock-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('held by one, free again after its release', async () => {
  const file = join(folder, 'a')
  const lock = await takeLock(file)
  await expect(takeLock(file)).rejects.toThrow(`process ${process.pid}`)
  await lock.release()
  expect(existsSync(file)).toBe(false)
  await (await takeLock(file)).release()
})

test('of many that come at once one gets it', async () => {
  const file = join(folder, 'b')
  const results = await Promise.allSettled(Array.from({ length: 20 }, () => takeLock(file)))
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  for (const result of results) if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(StartupError)
  expect((await readdir(folder)).filter((name) => name.startsWith('b'))).toEqual(['b'])
})

test.each(['', 'rubbish', '0 x', '999999999 00000000:1'])('a stale lock is taken over: %p', async (content) => {
  const file = join(folder, 'c')
  await writeFile(file, content)
  await (await takeLock(file)).release()
})

test('a lock of a living process with another start time is stale', async () => {
  const file = join(folder, 'd')
  await writeFile(file, `${process.ppid} 00000000:1\n`)
  const lock = await takeLock(file)
  await lock.release()
  await writeFile(file, `${process.ppid} ${await startTimeOf(process.ppid)}\n`)
  await expect(takeLock(file)).rejects.toThrow(`process ${process.ppid}`)
})
