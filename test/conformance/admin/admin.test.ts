/**
 * Replays what a real cozy-stack answered. An area is switched on by its name in `played`; rows that do not agree are named in
 * open-rows.json with the reason. Everything else must agree, and what is named there must not.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { whyNot } from './compare.ts'
import { Player } from './player.ts'
import { type Area, folder, loadScenarios, type Scenario } from './recordings.ts'
import { type OpenStage, openStage } from './stage.ts'
import { canonical, MissingValue, Skipped } from './values.ts'

/** Areas whose part of the server is there. HEARTH_TEST_RECORDED=area,area plays others. */
const played: readonly Area[] = (process.env['HEARTH_TEST_RECORDED']?.split(',') as Area[] | undefined) ?? [
  'jobs',
  'admin',
  'checks',
  'mismatch',
  'objects',
  'move',
]

/** `scenario#step` to the reason; `scenario#*` for all steps of a scenario. */
const openRows = JSON.parse(readFileSync(join(folder, 'open-rows.json'), 'utf8')) as Record<string, string>

/** Scenarios at a time: each has instances of its own, and most of them wait. */
const together = 6

let stage: OpenStage
let count = 0
const tag = `rr${Date.now().toString(36).slice(-5)}`

beforeAll(async () => {
  stage = await openStage()
}, 60_000)
afterAll(() => stage?.close())

interface Result {
  passed: number
  skipped: string[]
  failed: Map<string, string>
}

async function replay({ name, steps }: Scenario, result: Result): Promise<void> {
  const player = new Player(stage, `${tag}${String(count++).padStart(3, '0')}`)
  let broken: string | undefined
  for (const step of steps) {
    const row = `${name}#${step.j}`
    let reason = broken
    let got: unknown
    try {
      if (broken === undefined) {
        const answer = await player.play(step)
        got = answer.e
        reason = whyNot(step, answer)
      }
    } catch (error) {
      if (error instanceof Skipped) {
        result.skipped.push(row)
        continue
      }
      reason = error instanceof MissingValue ? `an earlier answer lacked ${error.message}` : String(error)
      if (step.setup || ['instance', 'token', 'login'].includes(step.k)) broken ??= reason
    }
    if (reason === undefined) result.passed += step.setup ? 0 : 1
    else {
      const shown = reason === 'body' ? `${short(step.e)} but ${short(got)}` : reason
      result.failed.set(row, `${row} ${step.m ?? step.k} ${step.p ?? ''}: ${shown}`)
    }
  }
  await player.close()
}

for (const area of played) {
  test(`${area}: every row that is not named as open agrees`, async () => {
    const result: Result = { passed: 0, skipped: [], failed: new Map() }
    const waiting = [...loadScenarios(area)]
    const work = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await replay(next, result)
    }
    await Promise.all(Array.from({ length: together }, work))
    const isOpen = (row: string) => row in openRows || `${row.split('#')[0]}#*` in openRows
    const unexpected = [...result.failed].flatMap(([row, text]) => (isOpen(row) ? [] : [text]))
    expect(unexpected).toEqual([])
    const closed = Object.keys(openRows).filter(
      (row) => row.startsWith(`${area}/`) && !row.endsWith('#*') && !result.failed.has(row),
    )
    expect(closed).toEqual([])
    console.log(`${result.passed} passed, ${result.failed.size} failed, ${result.skipped.length} skipped`)
  }, 300_000)
}

test('every open row has a reason', () => {
  expect(Object.entries(openRows).filter(([, reason]) => reason === '')).toEqual([])
})

function short(value: unknown): string {
  return canonical(value as never).slice(0, 200)
}
