import { expect, test } from 'bun:test'
import { keptVersions, type VersionAge } from './versioning.ts'

const minute = 60_000
const limits = { max: 4, minDelayMs: 15 * minute }

/** A version made so many minutes after the start. */
function version(id: string, minutes: number, tagged = false): VersionAge {
  return { id, createdMs: minutes * minute, tagged }
}
const a = version('a', 0)
const b = version('b', 20)
const c = version('c', 40)

test.each<[string, Parameters<typeof keptVersions>[0], typeof limits, ReturnType<typeof keptVersions>]>([
  [
    'the first one',
    { candidate: b, versions: [], sameContent: false, always: false },
    limits,
    { keep: true, drop: [] },
  ],
  [
    'the same content',
    { candidate: b, versions: [], sameContent: true, always: false },
    limits,
    { keep: false, drop: [] },
  ],
  [
    'the same content, asked for',
    { candidate: b, versions: [], sameContent: true, always: true },
    limits,
    { keep: true, drop: [] },
  ],
  [
    'too soon',
    { candidate: version('n', 14), versions: [a], sameContent: false, always: false },
    limits,
    { keep: false, drop: [] },
  ],
  [
    'just late enough',
    { candidate: version('n', 15), versions: [a], sameContent: false, always: false },
    limits,
    { keep: true, drop: [] },
  ],
  [
    'too soon, but tagged',
    { candidate: version('n', 1, true), versions: [a], sameContent: false, always: false },
    limits,
    { keep: true, drop: [] },
  ],
  [
    'too soon, but asked for',
    { candidate: version('n', 1), versions: [a], sameContent: false, always: true },
    limits,
    { keep: true, drop: [] },
  ],
  [
    'one too many',
    { candidate: version('n', 60), versions: [c, b, a], sameContent: false, always: false },
    limits,
    { keep: true, drop: ['a'] },
  ],
  [
    'one too many, the oldest tagged',
    { candidate: version('n', 60), versions: [c, b, version('a', 0, true)], sameContent: false, always: false },
    limits,
    { keep: true, drop: ['b'] },
  ],
  [
    'all others tagged: the one just replaced is kept above the limit',
    {
      candidate: version('n', 60),
      versions: [version('c', 40, true), version('b', 20, true), version('a', 0, true)],
      sameContent: false,
      always: false,
    },
    limits,
    { keep: true, drop: [] },
  ],
  [
    'all others tagged but one: that one goes',
    {
      candidate: version('n', 60),
      versions: [version('d', 44), version('c', 40, true), version('b', 20, true), version('a', 0, true)],
      sameContent: false,
      always: false,
    },
    limits,
    { keep: true, drop: ['d'] },
  ],
  [
    'a limit that was lowered',
    { candidate: version('n', 60), versions: [c, b, a], sameContent: false, always: false },
    { ...limits, max: 2 },
    { keep: true, drop: ['a', 'b', 'c'] },
  ],
  [
    'only the current one',
    { candidate: version('n', 60), versions: [], sameContent: false, always: false },
    { ...limits, max: 1 },
    { keep: false, drop: [] },
  ],
  [
    'none at all',
    { candidate: version('n', 60, true), versions: [a], sameContent: false, always: true },
    { ...limits, max: 0 },
    { keep: false, drop: [] },
  ],
])('%s', (_name, replacement, given, expected) => {
  expect(keptVersions(replacement, given)).toEqual(expected)
})
