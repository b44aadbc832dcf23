/** The health of machines with several kernels, and of this one. */
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { newDetail } from '../../src/appliance/health/detail.ts'
import { newFileSystems } from '../../src/appliance/health/file-systems.ts'
import { openHealth } from '../../src/appliance/health/health.ts'
import { renderMetrics } from '../../src/appliance/health/prometheus.ts'
import { takeSample } from '../../src/appliance/health/sample.ts'
import { newSampler } from '../../src/appliance/health/sampler.ts'
import { dfSize, duSize } from '../../src/appliance/sizes.ts'

const tree = (name: string) => join(import.meta.dirname, 'proc', name)
const gibibyte = 1024 ** 3
const blocksOf = async () => ({
  blockBytes: 4096,
  blocks: Math.floor((234 * gibibyte) / 4096),
  free: Math.floor((230.65 * gibibyte) / 4096),
  available: Math.floor((230.65 * gibibyte) / 4096),
})
const disk = { used: '3.4G', total: '234G', percentage: 2 }

test.each([
  [
    'an old kernel without MemAvailable',
    'linux-3.10',
    { used: '560M', total: '1000M', percentage: 56 },
    { num: 1, load: '0.66, 0.28, 0.14', cpu5min: 0 },
  ],
  [
    'a new one with unknown lines and a processor that is off',
    'linux-6.18',
    { used: '6037M', total: '24151M', percentage: 25 },
    { num: 4, load: '7.00, 3.99, 1.50', cpu5min: 3 },
  ],
])('%s', async (_name, proc, memory, cpu) => {
  expect(await takeSample({ proc: tree(proc), disk: '/', blocksOf })).toEqual({ disk, memory, cpu })
})

test('a container that sees its own total and the memory of the host', async () => {
  const sample = await takeSample({ proc: tree('lxc'), disk: '/', blocksOf })
  expect(sample?.memory).toEqual({ used: '256M', total: '512M', percentage: 50 })
})

test('this machine, with the documented members only', async () => {
  const sample = await takeSample({ proc: '/proc', disk: '/' })
  expect(Object.keys(sample ?? {})).toEqual(['disk', 'memory', 'cpu'])
  expect(sample?.cpu?.num).toBeGreaterThan(0)
  expect(JSON.stringify(sample)).not.toMatch(/NaN|null/)
})

test('one sample costs at most 2 ms of the processor', async () => {
  await takeSample({ proc: '/proc', disk: '/' })
  const before = process.cpuUsage()
  for (let count = 0; count < 200; count++) await takeSample({ proc: '/proc', disk: '/' })
  const { user, system } = process.cpuUsage(before)
  const each = (user + system) / 200 / 1000
  console.log(`${each.toFixed(2)} ms a sample`)
  expect(each).toBeLessThan(2)
})

test('details of a new kernel: odd names, pressure, counters, mounts', async () => {
  const proc = tree('linux-6.18')
  let now = 0
  const sampler = newSampler(proc, () => now)
  const detail = newDetail({ proc, sys: '/nowhere', sampler, fileSystems: newFileSystems(proc, blocksOf) })
  sampler.last()
  now = 5_000
  const found = (await detail()) as Record<string, unknown>
  sampler.stop()
  expect(found['processes']).toMatchObject({
    count: 1,
    running: 1,
    top: [{ pid: 7, name: 'a) b (c', memory: 1_024_000 }],
  })
  expect(found['pressure']).toMatchObject({
    cpu: { some: { avg10: 0.11 } },
    memory: null,
    irq: { full: { total: 42 } },
  })
  expect(Object.keys(found['disks'] as object)).toEqual(['sda', 'nvme0n1'])
  expect(found['network']).toMatchObject({ eth0: { received_bytes: 18_446_744_073_709, send_errors: 2 } })
  expect((found['filesystems'] as { mountpoint: string }[]).map(({ mountpoint }) => mountpoint)).toEqual(['/', '/nfs'])
  expect(found['memory_detail']).toMatchObject({ swap_used: 500_000 * 1024, hugepages: 3, oom_kills: null })
  expect(found['temperature']).toEqual([])
  expect(found['limits']).toBe(null)
})

test('details of an old one: what it does not have is null', async () => {
  const proc = tree('linux-3.10')
  const sampler = newSampler(proc)
  const found = (await newDetail({
    proc,
    sys: '/nowhere',
    sampler,
    fileSystems: newFileSystems(proc, blocksOf),
  })()) as Record<string, unknown>
  sampler.stop()
  expect([found['pressure'], found['disks'], found['cpu_usage'], found['uptime_s']]).toEqual([null, null, null, null])
  const mounts = found['filesystems'] as { mountpoint: string; read_only: boolean }[]
  expect(mounts.map(({ mountpoint, read_only }) => [mountpoint, read_only])).toEqual([
    ['/', false],
    ['/mnt/my disk', true],
  ])
})

test('a mount whose server is gone is stuck, and is not waited for', async () => {
  const gone = (path: string) => (path === '/nfs' ? new Promise<never>(() => {}) : blocksOf())
  const health = openHealth({ proc: tree('linux-6.18'), sys: '/nowhere', disk: '/', blocksOf: gone })
  const began = performance.now()
  const { filesystems } = (await health.detail()) as { filesystems: { mountpoint: string; stuck?: boolean }[] }
  health.close()
  expect(performance.now() - began).toBeLessThan(3_000)
  expect(filesystems.map(({ mountpoint, stuck }) => [mountpoint, stuck])).toEqual([
    ['/', undefined],
    ['/nfs', true],
  ])
})

test('metrics have the names that dashboards for node_exporter know', async () => {
  const text = await renderMetrics(tree('linux-6.18'), newSampler(tree('linux-6.18')), {
    version: '1.2.3',
    procedures: { update: { status: 'failed', seconds: 2 }, backup: undefined },
    updatePercentage: 60,
    authFailures: 4,
    certificateEnds: 2_000_000_000,
    lastBackup: undefined,
    services: new Map([['cron', 'running']]),
    fileSystems: [{ mountpoint: '/', type: 'ext4', read_only: false, total: 10, available: 5 }],
  })
  for (const line of [
    'node_load5 3.99',
    'node_memory_MemAvailable_bytes 18993902592',
    'node_cpu_seconds_total{cpu="5",mode="idle"} 10',
    'node_filesystem_avail_bytes{mountpoint="/",fstype="ext4"} 5',
    'node_pressure_io_stalled_seconds_total 5',
    'node_disk_read_bytes_total{device="sda"} 1024000',
    'node_network_transmit_bytes_total{device="eth0"} 2000',
    'jido_build_info{version="1.2.3"} 1',
    'jido_procedure_state{procedure="update",state="failed"} 1',
    'jido_auth_failures_total 4',
    'jido_service_up{service="cron"} 1',
  ]) {
    expect(text.split('\n')).toContain(line)
  }
})

test.each([
  [3_650_722_201, '3.4G'],
  [251_255_586_816, '234G'],
  [10_737_418_241, '11G'],
  [1_073_741_823, '1.0G'],
  [0, '0'],
])('df writes %d as %s', (bytes, text) => expect(dfSize(bytes)).toBe(text))

test.each([
  [131_072, '128.0K'],
  [1_536, '1.5K'],
  [5_368_709_120, '5.0G'],
])('du writes %d as %s', (bytes, text) => expect(duSize(bytes)).toBe(text))
