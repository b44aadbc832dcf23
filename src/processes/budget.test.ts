import { expect, test } from 'bun:test'
import { availableParallelism } from 'node:os'
import { connectionShare, connectionsNeeded, workerCount } from './budget.ts'

test.each([
  { workers: 1, port: 8080, most: 8, count: 0, share: 8, needed: 24 },
  { workers: 1, port: 8080, most: 100, count: 0, share: 100, needed: 116 },
  { workers: 2, port: 8080, most: 8, count: 2, share: 4, needed: 40 },
  { workers: 4, port: 8080, most: 60, count: 4, share: 12, needed: 100 },
  { workers: 256, port: 8080, most: 8, count: 256, share: 4, needed: 2580 },
  { workers: 2, port: 'off', most: 8, count: 0, share: 8, needed: 24 },
] as const)('$workers workers, port $port, $most connections -> $count beside the owner, $share each', (given) => {
  const { workers, port, most, count, share, needed } = given
  const config = { workers, port, database: { max_connections: most } }
  expect(workerCount(config)).toBe(count)
  expect(connectionShare(config)).toBe(share)
  expect(connectionsNeeded(config)).toBe(needed)
})

test('auto is one for each core, and one process on one core', () => {
  const cores = availableParallelism()
  expect(workerCount({ workers: 'auto', port: 0, database: { max_connections: 8 } })).toBe(cores === 1 ? 0 : cores)
})
