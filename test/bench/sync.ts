/**
 * `bun test/bench/sync.ts`: the engine between two folders beside a bare durable loop and `rclone copy` (which does not
 * fsync) on the same trees. `FILES` and `LARGE_MB` change the sizes.
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
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { usualTiming } from '../../src/sync/engine/timing.ts'
import { startPostgres } from '../support/postgres.ts'
import { World } from '../sync/world.ts'

const files = Number(process.env['FILES'] ?? 10_000)
const largeMb = Number(process.env['LARGE_MB'] ?? 512)
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
  console.log(`${what.padEnd(58)} ${took.toFixed(2).padStart(8)} s ${more}`)

for (let n = 0; n < files; n++) {
  mkdirSync(join(source, `d${n % 100}`), { recursive: true })
  writeFileSync(join(source, `d${n % 100}`, `${n}`), randomBytes(4_096))
}
const bare = await seconds(() => durableLoop(join(folder, 'bare')))
show(`${files} files of 4 kB, bare durable loop`, bare)
show(
  `${files} files of 4 kB, rclone copy`,
  await seconds(() => execFileSync('rclone', ['copy', source, join(folder, 'rclone')])),
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
show(`${files} files, rescan without a change`, await seconds(() => world.engine.runner('A').scan()))

const waits: number[] = []
for (let n = 0; n < 60; n++) {
  const began = performance.now()
  writeFileSync(join(a, `d${n}`, 'changed'), `${n}`)
  while ((await world.folder('B').read(`d${n}/changed`)) !== `${n}`) await Bun.sleep(2)
  waits.push(performance.now() - began)
}
waits.sort((x, y) => x - y)
show(`a change to its copy, ${files} files watched, p50`, (waits[30] ?? 0) / 1_000)
show(`a change to its copy, ${files} files watched, p99`, (waits[59] ?? 0) / 1_000)

writeFileSync(join(folder, 'large'), randomBytes(1024 * 1024))
execFileSync('sh', ['-c', `for i in $(seq ${largeMb}); do cat ${folder}/large; done > ${folder}/huge`])
show(
  `one file of ${largeMb} MiB, rclone copy`,
  await seconds(() => execFileSync('rclone', ['copyto', join(folder, 'huge'), join(folder, 'huge-copy')])),
)
const large = await seconds(async () => {
  renameSync(join(folder, 'huge'), join(a, 'huge'))
  await world.until('the large copy', async () => (await world.view('huge'))?.uptodate.length === 2, 900_000)
})
show(`one file of ${largeMb} MiB, by the engine (hash, copy, verify, fsync)`, large)
console.log(`memory of the process at the end: ${Math.round(process.memoryUsage.rss() / 1024 / 1024)} MiB`)
await world.close()
rmSync(folder, { recursive: true, force: true })
process.exit(0)
