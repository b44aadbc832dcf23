/**
 * Every recorded answer of a real CouchDB, played against the CouchDB face of a running server. The rules that the
 * answers follow are the contract; the cases only show them.
 */
import { beforeAll, expect, test } from 'bun:test'
import { sharedServer } from '../support/server.ts'
import { printRecorded } from './recorded-json.ts'
import { type CaseDifference, type ReplayReport, replay } from './replay.ts'

/**
 * Cases that no other server can answer alike, each with its reason; the README lists them too.
 * Both have two leaves of one generation, one of them made by the server: which wins depends on CouchDB's own hash.
 */
const exceptions = ['revtree-2/47', 'revtree-3/37']

const domain = 'replay.localhost'
let report: ReplayReport

beforeAll(async () => {
  const server = await sharedServer()
  await server.createInstance(domain)
  report = await replay({
    url: `${server.url}/couchdb`,
    hostHeader: domain,
    token: await server.token('*', { domain }),
  })
  console.log(`recorded answers: ${report.agree} of ${report.total} agree`)
}, 300_000)

test('set-up requests are answered as recorded', () => {
  expect(report.setupDifferences.map(describeDifference)).toEqual([])
})

test('every case is answered as recorded', () => {
  const others = report.differences.filter(({ recorded }) => !exceptions.includes(recorded.name))
  expect(others.map(describeDifference).slice(0, 20)).toEqual([])
  expect(report.agree).toBe(report.total - exceptions.length)
})

test('no case is lost', () => {
  expect(report.total).toBe(3540)
})

function describeDifference(difference: CaseDifference): string {
  const { recorded } = difference
  const body =
    recorded.body === undefined ? '' : 'raw' in recorded.body ? recorded.body.raw : printRecorded(recorded.body.json)
  return [
    `${recorded.name} [${recorded.category}] ${recorded.method} ${recorded.path}`,
    recorded.query.map((pair) => pair.join('=')).join('&'),
    body.slice(0, 200),
    `at ${difference.where}: want ${printRecorded(difference.want).slice(0, 200)}`,
    `got ${printRecorded(difference.got).slice(0, 200)}`,
  ].join(' | ')
}
