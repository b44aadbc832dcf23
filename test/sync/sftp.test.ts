/** The driver for SFTP against OpenSSH's own server. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { driverCode } from '../../src/sync/drivers/error.ts'
import { sftpKind } from '../../src/sync/drivers/sftp/sftp.ts'
import { freePort } from '../support/postgres.ts'
import { type DriverStage, driverSuite } from './driver-suite.ts'
import { renameScenario } from './renames.ts'

const program = '/usr/sbin/sshd'
const hasServer = existsSync(program)
if (!hasServer) {
  const missing = 'no sshd found: apt-get install openssh-server'
  if (process.env['CI']) throw new Error(missing)
  console.warn(`\n*** SKIPPED, every test on SFTP: ${missing} ***\n`)
}

const context = { signal: new AbortController().signal, trusted: true }
const kind = sftpKind({ addressOf: async (host) => host })
let folder = ''
let server: ChildProcess | undefined
let options: Record<string, unknown> = {}
let count = 0

beforeAll(async () => {
  if (!hasServer) return
  folder = mkdtempSync(join(tmpdir(), 'hearth-sshd-'))
  const key = (name: string) => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)])
    return join(folder, name)
  }
  const [hostKey, userKey] = [key('host'), key('user')]
  writeFileSync(join(folder, 'authorized'), readFileSync(`${userKey}.pub`))
  chmodSync(join(folder, 'authorized'), 0o600)
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true })
  const port = await freePort()
  const config = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${join(folder, 'authorized')}`,
    `PidFile ${join(folder, 'pid')}`,
    'StrictModes no',
    'PasswordAuthentication no',
    'UsePAM no',
    'PermitRootLogin yes',
    'MaxStartups 100',
    'Subsystem sftp internal-sftp',
  ]
  writeFileSync(join(folder, 'config'), `${config.join('\n')}\n`)
  server = spawn(program, ['-D', '-e', '-f', join(folder, 'config')], { stdio: 'ignore' })
  const deadline = Date.now() + 20_000
  while (!(await answers(port))) if (Date.now() > deadline) throw new Error('sshd did not start')
  options = {
    host: '127.0.0.1',
    port,
    username: execFileSync('id', ['-un']).toString().trim(),
    key: readFileSync(userKey, 'utf8'),
    host_key: readFileSync(`${hostKey}.pub`, 'utf8').trim(),
  }
}, 60_000)

afterAll(() => {
  server?.kill('SIGKILL')
  if (folder !== '') rmSync(folder, { recursive: true, force: true })
})

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => setTimeout(() => resolve(false), 50))
  })
}

async function newStage(): Promise<DriverStage> {
  const root = join(folder, `root-${++count}`)
  mkdirSync(root)
  return {
    open: () => kind.open({ ...options, root }, context),
    outside: {
      async write(name, text) {
        await mkdir(dirname(join(root, name)), { recursive: true })
        await writeFile(join(root, name), text)
      },
      read: (name) => readFile(join(root, name), 'utf8').catch(() => undefined),
      remove: (name) => unlink(join(root, name)),
    },
    close: async () => rmSync(root, { recursive: true, force: true }),
  }
}

if (hasServer) {
  driverSuite('sftp', newStage)

  describe('what only SFTP has', () => {
    test('another host key -> refused before any credential is sent', async () => {
      const other = { ...options, root: folder, host_key: `SHA256:${'A'.repeat(43)}` }
      expect(await kind.open(other, context).catch(driverCode)).toBe('options')
    })

    test('the fingerprint that ssh-keygen prints -> accepted', async () => {
      const printed = execFileSync('ssh-keygen', ['-l', '-f', join(folder, 'host.pub')])
        .toString()
        .split(' ')[1]
      const driver = await kind.open({ ...options, root: folder, host_key: printed }, context)
      await driver.close()
    })

    test('no such folder, nobody there -> options, unavailable', async () => {
      expect(await kind.open({ ...options, root: join(folder, 'none') }, context).catch(driverCode)).toBe('options')
      expect(await kind.open({ ...options, root: folder, port: 1 }, context).catch(driverCode)).toBe('unavailable')
    })
  })
}

renameScenario(
  'sftp',
  () => ({
    kind,
    async options() {
      const root = join(folder, `renames-${++count}`)
      mkdirSync(root)
      return { ...options, root }
    },
    async rename({ root }, from, to) {
      await mkdir(dirname(join(String(root), to)), { recursive: true })
      await rename(join(String(root), from), join(String(root), to))
    },
    read: ({ root }, name) => readFile(join(String(root), name), 'utf8').catch(() => undefined),
  }),
  hasServer,
)
