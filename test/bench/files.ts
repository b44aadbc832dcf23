/**
 * Files beside nginx serving the same bytes from a folder, and beside the `minio` client talking to the same MinIO: one
 * of 1 GB, and 10,000 of 16 kB. By turns; the medians count. `files-5gb` is the memory of one upload and download of 5 GB.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { minioProgram, sharedMinio } from '../support/minio.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { type HttpRequest, load } from './load.ts'
import { nginxProgram, startNginx } from './nginx.ts'
import { count, median } from './report.ts'

const rounds = 3
const smallFiles = 10_000
const smallBytes = 16_000
const largeBytes = 2 ** 30

interface Row {
  readonly what: string
  readonly peer: string
  readonly theirs: number
  readonly ours: number
  readonly unit: 'MB/s' | 'files/s'
  /** Ratio to reach. */
  readonly target?: number
}

interface Store {
  readonly server: TestServer
  readonly token: string
  readonly port: number
}

async function openStore(env: Readonly<Record<string, string>>): Promise<Store> {
  const server = await startServer({ env: { HEARTH_LOG_LEVEL: 'warning', ...env } })
  const token = await server.token('io.cozy.files', { expire: '12h' })
  return { server, token, port: Number(new URL(server.url).port) }
}

/** Seconds that curl takes for a transfer of a whole file; it copies less than any client of ours. */
function curl(args: readonly string[]): number {
  const format = '%{http_code} %{time_total}'
  const output = execFileSync('curl', ['-sS', '-o', '/dev/null', '-w', format, ...args], { encoding: 'utf8' })
  const [status = '', seconds = ''] = output.split(' ')
  if (!/^2/.test(status)) throw new Error(`curl ${args.at(-1)}: ${status}`)
  return Number(seconds)
}

const asTenant = ({ server, token }: Store) => ['-H', `Host: ${server.domain}`, '-H', `Authorization: Bearer ${token}`]

async function upload(store: Store, name: string, file: string): Promise<{ seconds: number; id: string }> {
  const path = `/files/io.cozy.files.root-dir?Type=file&Name=${encodeURIComponent(name)}`
  const headers = [...asTenant(store), '-H', 'Content-Type: application/octet-stream', '-H', 'Expect:']
  const seconds = curl([...headers, '-X', 'POST', '-T', file, `http://127.0.0.1:${store.port}${path}`])
  const found = await store.server.fetch(`/files/metadata?Path=/${encodeURIComponent(name)}`, {
    headers: { authorization: `Bearer ${store.token}` },
  })
  const { data } = (await found.json()) as { data: { id: string } }
  return { seconds, id: data.id }
}

function writeRandomFile(path: string, bytes: number): void {
  const chunk = randomBytes(2 ** 20)
  const file = openSync(path, 'w')
  for (let at = 0; at < bytes; at += chunk.length) writeSync(file, chunk, 0, Math.min(chunk.length, bytes - at))
  closeSync(file)
}

const megabytes = (bytes: number, seconds: number) => bytes / 1e6 / seconds

/** One large file, up and down, each side in turn. */
async function large(store: Store, file: string, peer: string, theirs: Peer): Promise<Row[]> {
  const up = { theirs: [] as number[], ours: [] as number[] }
  const down = { theirs: [] as number[], ours: [] as number[] }
  for (let round = 0; round < rounds; round += 1) {
    up.theirs.push(theirs.up(`large${round}`, file))
    const done = await upload(store, `large ${round}`, file)
    up.ours.push(done.seconds)
    down.theirs.push(theirs.down(`large${round}`, file))
    down.ours.push(curl([...asTenant(store), `http://127.0.0.1:${store.port}/files/download/${done.id}`]))
  }
  const row = (what: string, seconds: typeof up): Row => ({
    what,
    peer,
    unit: 'MB/s',
    theirs: megabytes(largeBytes, median(seconds.theirs)),
    ours: megabytes(largeBytes, median(seconds.ours)),
    target: 0.8,
  })
  return [row('upload of 1 GB', up), row('download of 1 GB', down)]
}

interface Peer {
  /** Seconds. */
  up(name: string, file: string): number
  down(name: string, file: string): number
}

function minioPeer(url: string, bucket: string): Peer {
  const run = (direction: string, name: string, file: string) => {
    const address = url.replace(/^s3\+/, '')
    const script = join(import.meta.dirname, 'minio-client.ts')
    const { stdout, stderr } = spawnSync(process.execPath, [script, address, bucket, direction, `peer/${name}`, file], {
      encoding: 'utf8',
    })
    if (!stdout.startsWith('{')) throw new Error(`the minio client failed: ${stderr}`)
    return (JSON.parse(stdout) as { seconds: number }).seconds
  }
  return { up: (name, file) => run('up', name, file), down: (name, file) => run('down', name, file) }
}

/** 16 kB each over 16 connections: as many as come in a few seconds, up and down. */
async function small(store: Store, nginx: Awaited<ReturnType<typeof startNginx>>): Promise<Row[]> {
  const body = 'x'.repeat(smallBytes)
  const host = store.server.domain
  const common = { connections: 16, seconds: 5, host }
  const rates = {
    up: { theirs: [] as number[], ours: [] as number[] },
    down: { theirs: [] as number[], ours: [] as number[] },
  }
  const ids = await smallOnes(store, body)
  mkdirSync(join(nginx.folder, 'small'), { recursive: true })
  for (let at = 0; at < smallFiles; at += 1) writeFileSync(join(nginx.folder, 'small', `${at}`), body)
  for (let round = 0; round < rounds; round += 1) {
    const put = [{ method: 'PUT', path: '/put/{n}', body }]
    const post = [{ method: 'POST', path: '/files/?Type=file&Name=posted{n}', body }]
    rates.up.theirs.push((await load({ ...common, port: nginx.port, requests: put })).perSecond)
    rates.up.ours.push(await ours(store, common, post))
    const get = ids.map((_, n) => ({ method: 'GET', path: `/small/${n}` }))
    const fetchAll = ids.map((id) => ({ method: 'GET', path: `/files/download/${id}` }))
    rates.down.theirs.push((await load({ ...common, port: nginx.port, requests: get })).perSecond)
    rates.down.ours.push(await ours(store, common, fetchAll))
  }
  const row = (what: string, { theirs, ours }: typeof rates.up): Row => ({
    what,
    peer: 'nginx',
    unit: 'files/s',
    theirs: median(theirs),
    ours: median(ours),
  })
  return [row('upload of 16 kB files', rates.up), row(`download of ${count(smallFiles)} files of 16 kB`, rates.down)]
}

async function ours(
  store: Store,
  common: { connections: number; seconds: number; host: string },
  requests: readonly HttpRequest[],
): Promise<number> {
  const result = await load({ ...common, port: store.port, authorization: `Bearer ${store.token}`, requests })
  if (result.errors > 0) throw new Error(`${result.errors} answers were no success`)
  return result.perSecond
}

/** Uploads what is downloaded later; gives the ids. */
async function smallOnes(store: Store, body: string): Promise<string[]> {
  const ids: string[] = []
  let next = 0
  const one = async () => {
    for (let at = next++; at < smallFiles; at = next++) {
      const response = await store.server.fetch(`/files/?Type=file&Name=small${at}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${store.token}` },
        body,
      })
      const { data } = (await response.json()) as { data: { id: string } }
      ids.push(data.id)
    }
  }
  await Promise.all(Array.from({ length: 16 }, one))
  return ids
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(({ what, peer, theirs, ours, unit, target }) => {
    const ratio = ours / theirs
    const goal = target === undefined ? '' : `${target} ${ratio >= target ? 'met' : 'missed'}`
    return `| ${what} | ${peer} | ${count(theirs)} ${unit} | ${count(ours)} ${unit} | ${ratio.toFixed(2)} | ${goal} |`
  })
  return ['| | beside | it | Hearth | ratio | target |', '|---|---|---|---|---|---|', ...lines].join('\n')
}

/** The comparison of the issue, as a Markdown table. */
export async function benchFiles(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'hearth-bench-'))
  const rows: Row[] = []
  const notes: string[] = []
  try {
    const file = join(folder, 'large')
    writeRandomFile(file, largeBytes)
    const program = nginxProgram()
    if (program === undefined)
      notes.push('SKIPPED beside nginx: it is not installed (Debian: nginx, or HEARTH_TEST_NGINX)')
    else {
      const nginx = await startNginx(program, join(folder, 'nginx'))
      const store = await openStore({})
      const address = (name: string) => `http://127.0.0.1:${nginx.port}/${name}`
      const peer: Peer = {
        up: (name, given) => curl(['-H', 'Expect:', '-T', given, address(name)]),
        down: (name) => curl([address(name)]),
      }
      rows.push(...(await large(store, file, 'nginx, folder', peer)), ...(await small(store, nginx)))
      await store.server.stop()
      nginx.stop()
    }
    if (minioProgram() === undefined) notes.push('SKIPPED beside the minio client: there is no MinIO server')
    else {
      const minio = await sharedMinio()
      const url = minio.newUrl()
      const store = await openStore({ HEARTH_OBJECTS_URL: url })
      rows.push(...(await large(store, file, 'minio client, MinIO', minioPeer(url, minio.bucketOf(url)))))
      await store.server.stop()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return [table(rows), ...notes].join('\n\n')
}

/** Memory while 5 GB go up and down, on the folder and on MinIO. Skipped below 20 GB of free disk. */
export async function benchLargeFile(): Promise<string> {
  const { bavail, bsize } = statfsSync(tmpdir())
  if (bavail * bsize < 20e9) return 'SKIPPED 5 GB: less than 20 GB of free disk'
  const folder = mkdtempSync(join(tmpdir(), 'hearth-bench-'))
  const size = 5 * 2 ** 30
  const lines: string[] = []
  try {
    const file = join(folder, 'five')
    writeRandomFile(file, size)
    const places: [string, () => Promise<Readonly<Record<string, string>>>][] = [['folder', async () => ({})]]
    if (minioProgram() !== undefined) {
      places.push(['MinIO', async () => ({ HEARTH_OBJECTS_URL: (await sharedMinio()).newUrl() })])
    }
    for (const [name, env] of places) {
      const store = await openStore(await env())
      const resident = () =>
        Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${store.server.pid}/status`, 'utf8'))?.[1]) / 1024
      const tenant = asTenant(store)
      const small = join(folder, 'small')
      writeFileSync(small, 'warm')
      await upload(store, 'warm', small)
      const before = resident()
      const up = await highest(resident, [
        ...tenant,
        '-H',
        'Expect:',
        '-X',
        'POST',
        '-T',
        file,
        `http://127.0.0.1:${store.port}/files/io.cozy.files.root-dir?Type=file&Name=five`,
      ])
      const found = await store.server.fetch('/files/metadata?Path=/five', {
        headers: { authorization: `Bearer ${store.token}` },
      })
      const { data } = (await found.json()) as { data: { id: string; attributes: { size: string } } }
      if (data.attributes.size !== `${size}`) throw new Error(`stored ${data.attributes.size} bytes`)
      const down = await highest(resident, [...tenant, `http://127.0.0.1:${store.port}/files/download/${data.id}`])
      const growth = (value: number) => `${Math.max(0, value - before).toFixed(0)} MiB`
      lines.push(
        `5 GB on ${name}: memory ${before.toFixed(0)} MiB, grows by ${growth(up)} up and ${growth(down)} down (allowed: 64)`,
      )
      await store.server.stop()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return lines.join('\n')
}

/** The highest value while curl runs. */
async function highest(value: () => number, args: readonly string[]): Promise<number> {
  const { spawn } = await import('node:child_process')
  const child = spawn('curl', ['-sS', '-o', '/dev/null', '--fail', ...args], { stdio: 'inherit' })
  let most = value()
  const timer = setInterval(() => {
    most = Math.max(most, value())
  }, 25)
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve))
  clearInterval(timer)
  if (code !== 0) throw new Error(`curl ended with ${code}`)
  return most
}
