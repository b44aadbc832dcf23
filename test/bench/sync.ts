/**
 * `npm run bench -- sync`: the engine between two folders beside a bare durable loop and `rclone sync` (which does not
 * fsync) on the same trees. `FILES`, `LARGE_MB` and `MANY` change the sizes: by default 10,000 files of 4 kB, one of 2 GiB,
 * and 200,000 files of which only the memory is of interest (`MANY=0` leaves them out).
 */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { usualTiming } from '../../src/sync/engine/timing.ts'
import { startPostgres } from '../support/postgres.ts'
import { World } from '../sync/world.ts'

const files = Number(process.env['FILES'] ?? 10_000)
const largeMb = Number(process.env['LARGE_MB'] ?? 2_048)
const many = Number(process.env['MANY'] ?? 200_000)
/** Changes timed one by one. */
const changes = 200
const folder = mkdtempSync(join(tmpdir(), 'hearth-bench-sync-'))
const source = join(folder, 'source')

async function seconds(work: () => unknown): Promise<number> {
  const began = performance.now()
  await work()
  return (performance.now() - began) / 1_000
}

function durableLoop(to: string): void {
  mkdirSync(to)
  for (let n = 0; n < files; n++) {
    const [from, at] = [join(source, `d${n % 100}`, `${n}`), join(to, `d${n % 100}`)]
    mkdirSync(at, { recursive: true })
    const handle = openSync(join(at, `${n}.tmp`), 'w')
    writeSync(handle, readFileSync(from))
    fsyncSync(handle)
    closeSync(handle)
    renameSync(join(at, `${n}.tmp`), join(at, `${n}`))
    const parent = openSync(at, 'r')
    fsyncSync(parent)
    closeSync(parent)
  }
}

const show = (what: string, took: number, more = '') =>
  console.log(`${what.padEnd(62)} ${took.toFixed(2).padStart(8)} s  load ${loadavg()[0]?.toFixed(1)} ${more}`)

let peak = 0
const sampling = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss())
}, 100)
const showMemory = (what: string) => {
  console.log(`${what.padEnd(62)} ${Math.round(peak / 1024 / 1024)} MiB at most`)
  peak = 0
}

for (let n = 0; n < files; n++) {
  mkdirSync(join(source, `d${n % 100}`), { recursive: true })
  writeFileSync(join(source, `d${n % 100}`, `${n}`), randomBytes(4_096))
}
const bare = await seconds(() => durableLoop(join(folder, 'bare')))
show(`${files} files of 4 kB, bare durable loop`, bare)
show(
  `${files} files of 4 kB, rclone sync`,
  await seconds(() => execFileSync('rclone', ['sync', source, join(folder, 'rclone')])),
)

await startPostgres()
const world = new World({ timing: usualTiming })
await world.open()
const [a, b] = [world.folder('A').root, world.folder('B').root]
await world.stop('A')
execFileSync('cp', ['-r', `${source}/.`, a])
const count = () =>
  Number(execFileSync('sh', ['-c', `find ${b} -type f -not -path '*/.hearth-sync/*' | wc -l`]).toString())
const first = await seconds(async () => {
  await world.start('A')
  await world.until(
    'all copies',
    async () => {
      await Bun.sleep(200)
      return (await world.store.counts()).every(({ waiting }) => waiting === 0) && count() === files
    },
    900_000,
  )
})
show(`${files} files of 4 kB, first copy by the engine`, first, `${(bare / first).toFixed(2)} of the bare loop`)
await world.quiet(600_000)
const scans: number[] = []
for (let n = 0; n < 5; n++) scans.push(await seconds(() => world.engine.runner('A').scan()))
scans.sort((x, y) => x - y)
show(`${files} files, rescan without a change, median of 5`, scans[2] ?? 0)

const waits: number[] = []
for (let n = 0; n < changes; n++) {
  const began = performance.now()
  const name = `d${n % 100}/changed-${n}`
  writeFileSync(join(a, name), `${n}`)
  while ((await world.folder('B').read(name)) !== `${n}`) await Bun.sleep(2)
  waits.push(performance.now() - began)
}
waits.sort((x, y) => x - y)
show(`a change to its copy, ${files} files watched, p50`, (waits[changes / 2] ?? 0) / 1_000)
show(`a change to its copy, ${files} files watched, p99`, (waits[Math.ceil(changes * 0.99) - 1] ?? 0) / 1_000)
showMemory('memory so far')

/** The engine goes on meanwhile: nothing may stop this process. */
async function run(...command: string[]): Promise<void> {
  const code = await Bun.spawn(command, { stdout: 'ignore', stderr: 'ignore' }).exited
  if (code !== 0) throw new Error(`${command[0]} ended with ${code}`)
}

writeFileSync(join(folder, 'large'), randomBytes(1024 * 1024))
await run('sh', '-c', `for i in $(seq ${largeMb}); do cat ${folder}/large; done > ${folder}/huge`)
show(
  `one file of ${largeMb} MiB, rclone copyto`,
  await seconds(() => run('rclone', 'copyto', join(folder, 'huge'), join(folder, 'huge-copy'))),
)
const large = await seconds(async () => {
  renameSync(join(folder, 'huge'), join(a, 'huge'))
  await world.until('the large copy', async () => (await world.view('huge'))?.uptodate.length === 2, 900_000)
})
show(`one file of ${largeMb} MiB, by the engine (hash, copy, verify, fsync)`, large)
showMemory('memory of the process at the end of the large file')

if (many > 0) {
  // The same files in both folders: nothing is copied, all of them are read, known and watched.
  await world.stop('A')
  await world.stop('B')
  for (const root of [a, b]) {
    for (let n = 0; n < many / 2; n++) {
      if (n % 1_000 === 0) mkdirSync(join(root, `many/${n / 1_000}`), { recursive: true })
      writeFileSync(join(root, `many/${Math.floor(n / 1_000)}/${n}`), `${n}`)
    }
  }
  const took = await seconds(async () => {
    await world.start('A')
    await world.start('B')
    const known = async () => {
      await Bun.sleep(500)
      return (await world.store.counts()).every(({ held, waiting }) => held > many / 2 && waiting === 0)
    }
    await world.until('all known', known, 1_800_000)
  })
  show(`${many} files in two folders, first look at all`, took)
  showMemory(`${many} files in two folders, first look at all, memory`)
  show(`${many / 2} files, rescan without a change`, await seconds(() => world.engine.runner('A').scan()))
}
clearInterval(sampling)
await world.close()
rmSync(folder, { recursive: true, force: true })
process.exit(0)
