/**
 * What a real cozy-stack answered, played against a running server, each scenario on an instance of its own.
 * `deviations.json` names kinds of difference that are wanted; `open-rows.json` the rows that differ beyond them, each
 * with the reason. A row that is in neither has to agree.
 */
import { beforeAll, expect, test } from 'bun:test'
import { startServer, type TestServer } from '../../support/server.ts'
import { type Difference, hardDifferences, reasonFor } from './compare.ts'
import { canonical } from './normaliser.ts'
import { Player } from './player.ts'
import { loadDeviations, loadOpenRows, loadScenarios, nameOf, type Step, surfaces } from './recordings.ts'

/** Scenarios at the same time: most of their time is waiting. */
const atOnce = 6

const scenarios = loadScenarios()
const deviations = loadDeviations()
const openRows = loadOpenRows()
const failed = new Map<string, string>()
const setupFailed: string[] = []
const compared = new Map<string, { rows: number; agree: number }>()

beforeAll(async () => {
  const server = await startServer({ args: ['--no-first-run'] })
  const waiting = [...scenarios]
  const work = async () => {
    for (let steps = waiting.shift(); steps !== undefined; steps = waiting.shift()) await play(server, steps)
  }
  try {
    await Promise.all(Array.from({ length: atOnce }, work))
  } finally {
    await server.stop()
  }
  for (const surface of surfaces) {
    const { rows = 0, agree = 0 } = compared.get(surface) ?? {}
    console.log(`recorded answers of cozy-stack, ${surface}: ${agree} of ${rows} agree`)
  }
  const fixed = Object.keys(openRows).filter((name) => !failed.has(name))
  if (fixed.length > 0) console.warn(`agree by now, so open-rows.json need not name them: ${fixed.join(' ')}`)
}, 300_000)

async function play(server: TestServer, steps: readonly Step[]): Promise<void> {
  const [first] = steps
  if (first === undefined) return
  const player = new Player(server, first)
  await player.open()
  for (const step of steps) {
    const answer = await player.play(step)
    if (answer === undefined) continue
    const differences = hardDifferences(step, answer)
    if (step.setup) {
      if (differences.some(({ kind }) => kind === 'status')) setupFailed.push(describe(step, differences))
      continue
    }
    const open = differences.filter((difference) => reasonFor(deviations, step, difference) === undefined)
    if (open.length > 0) failed.set(nameOf(step), describe(step, open))
    const sum = compared.get(step.surface) ?? { rows: 0, agree: 0 }
    compared.set(step.surface, { rows: sum.rows + 1, agree: sum.agree + (open.length === 0 ? 1 : 0) })
  }
  await player.close()
}

test.each([...surfaces])('%s: every row that is not named as open agrees', (surface) => {
  const rows = scenarios.flat().filter((step) => step.surface === surface)
  const unexpected = rows.flatMap((step) => (nameOf(step) in openRows ? [] : (failed.get(nameOf(step)) ?? [])))
  expect(unexpected).toEqual([])
})

test('requests that only prepare a scenario are answered as recorded', () => {
  expect(setupFailed).toEqual([])
})

test('no row is lost', () => {
  expect([...compared.values()].reduce((sum, { rows }) => sum + rows, 0)).toBe(1173)
})

test('every open row exists and has a reason', () => {
  const names = new Set(scenarios.flat().map(nameOf))
  expect(Object.entries(openRows).filter(([name, reason]) => !names.has(name) || reason === '')).toEqual([])
})

function describe(step: Step, differences: readonly Difference[]): string {
  const shown = differences
    .slice(0, 4)
    .map(({ kind, where, want, got }) => `${kind} ${where}: want ${short(want)}, got ${short(got)}`)
  return `${nameOf(step)} ${step.m} ${step.p}: ${shown.join('; ')}`
}

function short(value: Difference['want']): string {
  return canonical(value).slice(0, 160)
}
