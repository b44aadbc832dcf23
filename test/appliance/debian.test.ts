/** The Debian package: its contents, its unit, and a machine that is booted with it. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildPackage } from '../../build/debian/package.ts'
import { readElf } from '../../build/elf.ts'
import { networkdFiles } from '../../src/appliance/networkd.ts'
import { hashFor, prefix } from '../support/appliance-client.ts'

const root = join(import.meta.dirname, '..', '..')
const built = (name: string) => existsSync(join(root, 'dist', name))
const has = (program: string) => spawnSync('which', [program]).status === 0
const unit = join(root, 'build/debian/root/usr/lib/systemd/system/hearth.service')
const tree = process.env['HEARTH_TEST_DEBIAN_TREE'] ?? join(homedir(), '.cache', 'hearth', 'debian-tree')

/** Prints why something is not tested. */
function missing(what: string, needs: Readonly<Record<string, boolean>>): boolean {
  const absent = Object.entries(needs)
    .filter(([, there]) => !there)
    .map(([name]) => name)
  if (absent.length > 0) console.warn(`skipped: ${what}, which needs ${absent.join(', ')}`)
  return absent.length > 0
}

const folder = mkdtempSync(join(tmpdir(), 'hearth-deb-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 28 })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${status} ${stderr}`)
  return stdout
}

const binaries = { amd64: 'hearth', arm64: 'hearth-linux-arm64' } as const
for (const [arch, name] of Object.entries(binaries)) {
  const skip = missing(`the package for ${arch}`, { 'dpkg-deb': has('dpkg-deb'), [`dist/${name}`]: built(name) })
  test.skipIf(skip)(
    `the package for ${arch} holds what belongs to it, all of it root's`,
    () => {
      const out = buildPackage({ arch, out: join(folder, `${arch}.deb`) })
      expect(run('dpkg-deb', '-f', out, 'Package', 'Architecture')).toBe(`Package: hearth\nArchitecture: ${arch}\n`)
      const files = run('dpkg-deb', '-c', out)
        .trim()
        .split('\n')
        .map((line) => line.split(/\s+/))
      expect(files.every(([mode = '', owner]) => owner === 'root/root' && !/w....w|w.$/.test(mode.slice(4)))).toBe(true)
      const paths = files.map((columns) => columns[5])
      for (const path of [
        'usr/bin/hearth',
        'usr/lib/hearth/start',
        'usr/lib/hearth/hook-helper',
        'usr/lib/hearth/hooks/reboot',
        'usr/lib/systemd/system/hearth.service',
      ]) {
        expect(paths).toContain(`./${path}`)
      }
      const unpacked = join(folder, arch)
      run('dpkg-deb', '-x', out, unpacked)
      const program = readFileSync(join(unpacked, 'usr/bin/hearth'))
      expect(readElf(program)?.processor).toBe(arch === 'arm64' ? 'arm64' : 'x64')
      rmSync(unpacked, { recursive: true })
    },
    120_000,
  )
}

test.skipIf(missing('the exposure of the unit', { 'systemd-analyze': has('systemd-analyze') }))(
  'the unit is exposed by at most 4 of 10',
  () => {
    const text = run('systemd-analyze', 'security', '--offline=true', '--no-pager', unit)
    const [, exposure] = /Overall exposure level for hearth\.service: ([\d.]+)/.exec(text) ?? []
    expect(Number(exposure)).toBeLessThanOrEqual(4)
  },
)

describe('the program that is started', () => {
  const place = join(folder, 'start')
  const admin = join(place, 'admin')
  const release = (version: string, confirmed: boolean) => {
    const at = join(admin, 'releases', version)
    mkdirSync(at, { recursive: true })
    writeFileSync(join(at, 'hearth'), `#!/bin/sh\necho ${version} "$JIDO_RELEASE"\n`, { mode: 0o755 })
    if (confirmed) writeFileSync(join(at, 'confirmed'), '')
  }
  /** What `start` runs, with `shipped` as the version of the system's package. */
  const started = (shipped: string) => {
    writeFileSync(join(place, 'version'), shipped)
    writeFileSync(join(place, 'packaged'), '#!/bin/sh\necho packaged\n', { mode: 0o755 })
    const script = readFileSync(join(root, 'build/debian/root/usr/lib/hearth/start'), 'utf8')
      .replace('/usr/bin/hearth', join(place, 'packaged'))
      .replace('/usr/lib/hearth/version', join(place, 'version'))
    writeFileSync(join(place, 'start'), script)
    const { stdout } = spawnSync('sh', [join(place, 'start'), 'serve'], {
      env: { PATH: process.env['PATH'] ?? '', JIDO_ADMIN_PATH: admin },
      encoding: 'utf8',
    })
    return stdout.split(' ')[0]?.trim()
  }
  const current = (version: string) => {
    rmSync(join(admin, 'current'), { force: true })
    run('ln', '-s', `releases/${version}`, join(admin, 'current'))
  }
  const trial = (from: string | null, to: string) =>
    writeFileSync(
      join(admin, 'state', 'trial.json'),
      JSON.stringify({ job: 'x', from, to, phase: 'pending-confirm', boots: 0 }),
    )
  beforeAll(() => mkdirSync(join(admin, 'state'), { recursive: true }))

  test('is the one of the package, a newer confirmed one, or one on trial three times at most', () => {
    expect(started('1.0.0')).toBe('packaged')
    release('1.1.0', true)
    current('1.1.0')
    expect(started('1.0.0')).toBe('1.1.0')
    expect(started('1.1.0')).toBe('packaged')
    expect(started('1.10.0')).toBe('packaged')
    expect(started('1.1.0-rc.1')).toBe('1.1.0')
    release('1.2.0', false)
    current('1.2.0')
    expect(started('1.0.0')).toBe('packaged')
    trial('1.1.0', '1.2.0')
    expect([1, 2, 3].map(() => started('1.0.0'))).toEqual(['1.2.0', '1.2.0', '1.2.0'])
    expect(started('1.0.0')).toBe('1.1.0')
    trial(null, '1.2.0')
    expect(started('1.0.0')).toBe('packaged')
    rmSync(join(admin, 'state', 'trial.json'))
    started('1.0.0')
    expect(readdirSync(join(admin, 'state'))).toEqual([])
  })
})

test('network settings become files of systemd-networkd', () => {
  const network = {
    interface: 'eth0',
    hostname: 'box.local',
    ip_address: '10.0.0.5',
    netmask: '255.255.255.0',
    gateway: '10.0.0.1',
    dns1: '1.1.1.1',
  }
  expect(networkdFiles(network)).toEqual({
    'etc/hostname': 'box.local\n',
    'etc/systemd/network/10-hearth.network':
      '# Written by Hearth when its network settings change.\n[Match]\nName=eth0\n\n[Network]\nAddress=10.0.0.5/24\nGateway=10.0.0.1\nDNS=1.1.1.1\n',
  })
  expect(
    networkdFiles({ interface: 'eth0', hostname: 'box', ntpserver: 'a.b' })['etc/systemd/network/10-hearth.network'],
  ).toContain('DHCP=yes\nNTP=a.b\n')
})

const cannotBoot = missing('a machine that boots with the package', {
  root: process.getuid?.() === 0,
  'systemd-nspawn': has('systemd-nspawn'),
  'dist/hearth': built('hearth'),
  [`a Debian tree in ${tree} (debootstrap --variant=minbase --include=systemd,systemd-sysv bookworm)`]: existsSync(
    join(tree, 'bin'),
  ),
})

describe.skipIf(cannotBoot)('a machine that boots with the package', () => {
  const machine = join(folder, 'machine')
  let nspawn: ChildProcess | undefined
  let leader = 0
  const enter = (...args: string[]) => run('nsenter', '-t', String(leader), '-m', '-p', '-u', '-i', ...args)
  const curl = (method: 'GET' | 'POST', path: string, ...more: string[]) =>
    run(
      'nsenter',
      '-t',
      String(leader),
      '-n',
      'curl',
      '-sk',
      '--max-time',
      '20',
      '-X',
      method,
      ...more,
      `https://127.0.0.1:8443${prefix}${path}?hash=${hashFor('yourtoken', method, path)}`,
    )
  const show = (property: string) => enter('systemctl', 'show', 'hearth', '-p', property, '--value').trim()
  async function until(what: string, fits: () => boolean): Promise<void> {
    const deadline = Date.now() + 120_000
    while (Date.now() < deadline) {
      try {
        if (fits()) return
      } catch {
        // Not there yet.
      }
      await Bun.sleep(250)
    }
    throw new Error(
      `${what} did not happen:\n${spawnSync('journalctl', ['-D', join(machine, 'var/log/journal'), '-n', '30', '--no-pager'], { encoding: 'utf8' }).stdout}`,
    )
  }
  const childrenOf = (pid: number) =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number)

  async function boot(): Promise<void> {
    const args = ['-D', machine, '--register=no', '--keep-unit', '--boot', '--private-network', '--console=pipe']
    nspawn = spawn('systemd-nspawn', args, { stdio: 'ignore' })
    await until('the boot', () => {
      leader = childrenOf(nspawn?.pid ?? 0)[0] ?? 0
      return leader > 0 && show('ActiveState') === 'active'
    })
  }
  const ended = () =>
    new Promise<number | null>((resolve) => {
      if (nspawn === undefined || nspawn.exitCode !== null) resolve(nspawn?.exitCode ?? null)
      else nspawn.once('exit', resolve)
    })

  beforeAll(async () => {
    run('cp', '-a', '--reflink=auto', tree, machine)
    rmSync(join(machine, 'var/lib/hearth'), { recursive: true, force: true })
    mkdirSync(join(machine, 'var/log/journal'), { recursive: true })
    mkdirSync(join(machine, 'usr/local/etc'), { recursive: true })
    writeFileSync(
      join(machine, 'usr/local/etc/jidoteki-admin-api.json'),
      '{"endpoints":["settings"],"first-run":{"enabled":false}}',
    )
    mkdirSync(join(machine, 'etc/systemd/system/hearth.service.d'), { recursive: true })
    writeFileSync(join(machine, 'etc/systemd/system/hearth.service.d/test.conf'), '[Service]\nWatchdogSec=12\n')
    buildPackage({ arch: 'amd64', out: join(machine, 'root/hearth.deb') })
    run('chroot', machine, 'dpkg', '-i', '/root/hearth.deb')
    await boot()
  }, 180_000)
  afterAll(async () => {
    nspawn?.kill('SIGTERM')
    await ended()
  }, 60_000)

  test('it is active because it said so, and not root', () => {
    expect([show('Type'), show('User'), show('NRestarts')]).toEqual(['notify', 'hearth', '0'])
    const uid = /^Uid:\s+(\d+)/m.exec(enter('cat', `/proc/${show('MainPID')}/status`))?.[1]
    expect(Number(uid)).toBeGreaterThan(0)
  })

  test('settings reach the machine through the helper, and bad ones do not', async () => {
    expect(curl('POST', '/setup', '-F', 'newtoken=yourtoken')).toBe('{"Status":"200 OK"}')
    const settings = { network: { interface: 'host0', hostname: 'renamed.box' }, app: { x: 1 } }
    writeFileSync(join(folder, 'settings.json'), JSON.stringify(settings))
    expect(curl('POST', '/settings', '-F', `settings=@${join(folder, 'settings.json')}`)).toContain('202 Accepted')
    await until('the change', () => curl('GET', '/settings').includes('renamed.box'))
    expect(readFileSync(join(machine, 'etc/hostname'), 'utf8')).toBe('renamed.box\n')
    expect(readFileSync(join(machine, 'etc/systemd/network/10-hearth.network'), 'utf8')).toContain('Name=host0')
    const helper = (input: string) =>
      spawnSync('chroot', [machine, '/usr/lib/hearth/hook-helper'], { input, encoding: 'utf8' }).stdout
    expect(helper('passwd\nX\n{}')).toContain('@exit 1')
    expect(helper('settings-apply\nX;id\n{}')).toContain('@exit 1')
    expect(helper('settings-apply\nX\n{"network":{"interface":"a b","hostname":"x"}}')).not.toContain('@exit 0')
  }, 150_000)

  test('one that hangs is ended by the watchdog and started again', async () => {
    const inside = Number(show('MainPID'))
    const outside = readdirSync('/proc').find((pid) => {
      if (!/^\d+$/.test(pid)) return false
      const status = spawnSync('cat', [`/proc/${pid}/status`], { encoding: 'utf8' }).stdout
      return new RegExp(`^NSpid:\\s+${pid}\\s+${inside}$`, 'm').test(status) && /^Name:\s+hearth$/m.test(status)
    })
    process.kill(Number(outside), 'SIGSTOP')
    await until('the restart', () => show('NRestarts') === '1' && show('ActiveState') === 'active')
    expect(curl('GET', '/settings')).toContain('renamed.box')
  }, 150_000)

  test('a reboot is one, and afterwards everything is there', async () => {
    expect(curl('GET', '/reboot')).toBe('{"Status":"202 Accepted"}')
    // What nspawn ends with when its machine wants to be started again.
    expect(await ended()).toBe(133)
    await boot()
    expect(curl('GET', '/settings')).toContain('renamed.box')
  }, 240_000)

  test('purging the package leaves what people have stored', async () => {
    nspawn?.kill('SIGTERM')
    await ended()
    run('chroot', machine, 'dpkg', '--purge', 'hearth')
    expect(existsSync(join(machine, 'usr/bin/hearth'))).toBe(false)
    expect(existsSync(join(machine, 'etc/systemd/system/multi-user.target.wants/hearth.service'))).toBe(false)
    expect(readdirSync(join(machine, 'var/lib/hearth'))).toContain('pg')
  }, 90_000)
})
