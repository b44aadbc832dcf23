/** A large upload to a server of its own, whose resident memory is looked at meanwhile. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { execFile } from 'node:child_process'
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { hashFor, prefix } from '../support/appliance-client.ts'
import { startServer, type TestServer } from '../support/server.ts'

const full = process.env['HEARTH_TEST_FULL_SIZE'] === '1'
if (!full) console.warn('an upload of 256 MiB instead of 2 GiB; HEARTH_TEST_FULL_SIZE=1 has the full size')
const mebibytes = full ? 2_048 : 256

let server: TestServer
let folder: string

beforeAll(async () => {
  server = await startServer({ args: ['--no-first-run'] })
  folder = mkdtempSync(join(tmpdir(), 'hearth-upload-'))
}, 60_000)

afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** Status of a form sent by curl. */
async function post(path: string, fields: readonly string[]): Promise<number> {
  const form = fields.flatMap((field) => ['-F', field])
  const args = ['-sk', '-o', '/dev/null', '-w', '%{http_code}', ...form, `${server.applianceUrl}${prefix}${path}`]
  return Number((await promisify(execFile)('curl', args)).stdout)
}

/** Resident bytes of the server. */
function memory(): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) * 1024
}

test('an upload of many times the memory that it may take -> the server grows by less than 96 MiB', async () => {
  const words = /appliance API \(shown only now\):\n {2}(\S+)/.exec(server.output.stdout)?.[1] ?? ''
  expect(await post(`/setup?token=${words}`, ['newtoken=yourtoken'])).toBeLessThan(300)
  const file = join(folder, 'update.enc')
  const block = Buffer.alloc(1024 ** 2, 'x')
  for (let left = mebibytes; left > 0; left--) appendFileSync(file, block)

  const before = memory()
  let most = 0
  const timer = setInterval(() => {
    most = Math.max(most, memory() - before)
  }, 20)
  const status = await post(`/update?hash=${hashFor('yourtoken', 'POST', '/update')}`, [`update=@${file}`])
  clearInterval(timer)
  expect(status).toBe(202)
  expect(most).toBeGreaterThan(0)
  expect(most).toBeLessThan(96 * 1024 ** 2)
}, 120_000)
