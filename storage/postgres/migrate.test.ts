import { expect, test } from 'bun:test'
import { oldestProgram } from './migrate.ts'

test.each([
  ['-- Adds.\n-- Programs from schema version 8 on may run on it.\nCREATE TABLE a ();', 9, 8],
  ['CREATE TABLE a ();', 9, 9],
  ['-- Programs from schema version 12 on may run on it.', 9, 9],
  ['SELECT 1; -- Programs from schema version 8 on may run on it.', 9, 9],
])('the oldest program for %j as version %d -> %d', (text, version, oldest) => {
  expect(oldestProgram(text, version)).toBe(oldest)
})
