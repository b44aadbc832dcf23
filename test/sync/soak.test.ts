/**
 * Random work in three folders while the server is killed again and again. Afterwards all folders are the same, and every
 * content that nobody overwrote or deleted is somewhere. `HEARTH_TEST_SYNC_SOAK=ROUNDS` makes it longer,
 * `HEARTH_TEST_SYNC_SEED=N` repeats one.
 */
import { afterAll, expect, test } from 'bun:test'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type SyncServer, startSyncServer } from './server.ts'

const rounds = Number(process.env['HEARTH_TEST_SYNC_SOAK'] ?? 3)
const seed = Number(process.env['HEARTH_TEST_SYNC_SEED'] ?? Math.floor(Math.random() * 1e9))
const operations = 40
const entries = ['A', 'B', 'C']
const names = ['a', 'b', 'c', 'd/e', 'd/f', 'g/h/i', 'j.txt', 'k.txt', 'é', 'l']

let server: (SyncServer & { readonly folder: string }) | undefined
afterAll(async () => {
  await server?.killTree()
  server?.clean()
})

/** Numbers from 0 (included) to 1 (excluded), the same for the same seed (mulberry32). */
function newRandom(start: number): () => number {
  let state = start
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

function contentsOf(root: string, ownToo: boolean): Map<string, string> {
  const found = new Map<string, string>()
  for (const one of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!one.isFile()) continue
    const path = join(one.parentPath, one.name)
    const name = path.slice(root.length + 1)
    if (name.startsWith('.hearth-sync/') && !(ownToo && name.startsWith('.hearth-sync/trash/'))) continue
    try {
      found.set(name, readFileSync(path, 'utf8'))
    } catch {
      // It went away just now.
    }
  }
  return found
}

test(`random work and kills, seed ${seed} -> the same everywhere, nothing lost`, async () => {
  const random = newRandom(seed)
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T
  const kept = new Set<string>()
  let count = 0
  server = await startSyncServer({ entries, keepData: true })
  const { roots, folder } = server

  const givenUp = (path: string) => {
    try {
      kept.delete(readFileSync(path, 'utf8'))
    } catch {
      // There is nothing.
    }
  }
  const operate = () => {
    const root = roots[pick(entries)]!
    const path = join(root, pick(names))
    const dice = random()
    try {
      if (dice < 0.6) {
        const content = `content ${++count} ${'x'.repeat(Math.floor(random() * 5_000))}`
        mkdirSync(dirname(path), { recursive: true })
        givenUp(path)
        if (dice < 0.3) {
          writeFileSync(`${path}.saving`, content)
          renameSync(`${path}.saving`, path)
        } else writeFileSync(path, content)
        kept.add(content)
      } else if (dice < 0.8) {
        givenUp(path)
        unlinkSync(path)
      } else {
        const to = join(root, pick(names))
        readFileSync(path)
        mkdirSync(dirname(to), { recursive: true })
        givenUp(to)
        renameSync(path, to)
      }
    } catch {
      // Another file or folder is in the way.
    }
  }

  for (let round = 0; round < rounds; round++) {
    for (let n = 0; n < operations; n++) {
      operate()
      await Bun.sleep(random() * 40)
    }
    await server.kill()
    for (let n = 0; n < 5; n++) operate()
    server = await startSyncServer({ entries, folder, keepData: true })
  }

  const isCalm = async (): Promise<boolean> => {
    const { json } = await server!.ask('GET', '/api/v1.1/status')
    const { entries: all = [] } = json as { entries?: { name: string; state: string; waiting: number }[] }
    for (const { name, state } of all)
      if (state === 'held') await server!.ask('POST', `/api/v1.1/entries/${name}/confirm`)
    if (all.length === 0 || all.some(({ waiting, state }) => waiting > 0 || state !== 'active')) return false
    const found = entries.map((name) => contentsOf(roots[name]!, false))
    return found.every((one) => Bun.deepEquals([...one].sort(), [...found[0]!].sort()))
  }
  const deadline = Date.now() + 90_000
  let calm = 0
  while (calm < 8) {
    calm = (await isCalm()) ? calm + 1 : 0
    if (Date.now() > deadline) {
      const jobs = (await server.ask('GET', '/api/v1.1/jobs')).json
      const found = entries.map((name) => [...contentsOf(roots[name]!, false).keys()].sort())
      throw new Error(
        `seed ${seed}: not the same after 90 s\n${JSON.stringify(found)}\n${JSON.stringify(jobs).slice(0, 2_000)}`,
      )
    }
    await Bun.sleep(250)
  }
  const everywhere = new Set(entries.flatMap((name) => [...contentsOf(roots[name]!, true).values()]))
  const lost = [...kept].filter((content) => !everywhere.has(content)).map((content) => content.slice(0, 20))
  expect({ seed, lost }).toEqual({ seed, lost: [] })
  expect(count).toBeGreaterThan(20)
  rmSync(join(folder, 'nothing'), { force: true })
}, 300_000)
