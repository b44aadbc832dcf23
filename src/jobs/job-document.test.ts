import { expect, test } from 'bun:test'
import { decoded, gatheredMembers } from './job-document.ts'

const job = '{"worker":"log","state":"queued"}'
const payloadOf = (text: string) => decoded((JSON.parse(text) as { payload: string }).payload)

test('what comes with calls is gathered in one job', () => {
  const twice = gatheredMembers(gatheredMembers(job, { n: 1 }), { n: 2 })
  expect(payloadOf(twice)).toEqual({ payloads: [null, { n: 1 }, { n: 2 }] })
})

test('a call for which a gathering job has no room is refused, one that brings nothing is not', () => {
  const full = gatheredMembers(job, 'x'.repeat(30_000_000))
  expect(() => gatheredMembers(full, 'x'.repeat(30_000_000))).toThrow('The job that gathers these calls is full')
  expect(gatheredMembers(full, undefined).length).toBeGreaterThan(30_000_000)
})
