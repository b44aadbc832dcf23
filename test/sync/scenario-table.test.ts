/** Everything that synchronised folders have to stand, and the test that shows each. */
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const shown: readonly (readonly [number, string, string, string])[] = [
  [1, 'a new file', 'scenarios', 'a new file -> the same on both'],
  [2, 'overwritten with less and more', 'scenarios', 'overwritten shorter, then longer'],
  [3, 'only touched', 'scenarios', 'only touched -> no version'],
  [4, 'an empty file to a bucket', 'places', "'docs/empty'"],
  [5, 'a file of gigabytes, memory bounded', '../bench/sync', 'memory of the process at the end'],
  [6, 'killed in the middle of a large copy', 'killed', 'a large file is at 5 of 6 parts'],
  [7, 'an upload that a third party ends', 's3', 'an upload that somebody else has ended'],
  [8, 'killed at each named place', 'killed', 'both folders are the same after the next start'],
  [9, 'written where it is being copied to', 'faults', 'somebody writes the file where it is being copied to'],
  [10, 'overwritten ten times during a slow copy', 'faults', 'overwritten ten times during a slow copy'],
  [11, 'edited on both sides', 'scenarios', 'edited in both while nobody looked'],
  [12, 'the same edit on both sides', 'scenarios', 'the same edit in both'],
  [13, 'deleted here, edited there', 'scenarios', 'deleted in one, edited in the other'],
  [14, 'deleted while the other is down', 'scenarios', 'deleted while the other is stopped'],
  [15, 'a stale copy is deleted', 'scenarios', 'edited in one first, then its stale copy deleted'],
  [16, 'everything is deleted', 'scenarios', 'everything is deleted -> held'],
  [17, 'unmounted', 'scenarios', 'the folder is an empty mount point -> held'],
  [18, 'a torn listing', 'faults', 'a listing breaks off after its first page'],
  [19, 'renamed', 'scenarios', 'renamed -> renamed, nothing is transferred'],
  [20, 'a folder is renamed, killed midway', 'killed', 'a folder of 60 files is renamed, killed midway'],
  [21, 'renamed here, edited there', 'scenarios', 'renamed in one, edited in the other'],
  [22, 'two names are swapped', 'scenarios', 'two names are swapped'],
  [23, 'names that differ in case only', 'file-systems', 'without upper and lower case'],
  [24, 'a decomposed name', 'scenarios', 'a decomposed name -> one file, and no ping-pong'],
  [25, 'both Unicode forms of a name', 'scenarios', 'both Unicode forms of a name'],
  [26, 'ten thousand files', '../bench/sync', 'first copy by the engine'],
  [27, 'requests are throttled', 'faults', 'every tenth request is refused'],
  [28, 'clocks that are days apart', 'masses', 'edits by clocks that are days apart'],
  [29, 'a place is down during edits', 'places', 'whose server goes away and comes back'],
  [30, 'the database is down', 'outage', 'the database is gone during 20 edits'],
  [31, 'a file that grows', 'faults', 'a file grows for a while'],
  [32, 'a folder that cannot be written', 'file-systems', 'a folder that may not be written'],
  [33, 'a full disk', 'file-systems', 'the disk is full'],
  [34, 'a bit is flipped on the disk', 'scenarios', 'one bit is flipped on the disk'],
  [35, 'a bit is flipped on the way', 'faults', 'one bit of what is read is another'],
  [36, 'a link to a folder elsewhere', 'scenarios', 'a link to a folder elsewhere'],
  [37, 'a file becomes a folder', 'scenarios', 'a file becomes a folder here'],
  [38, 'rules wait for their reload', 'scenarios', 'rules are put -> nothing happens before'],
  [39, 'an entry is dropped by the rules', 'scenarios', 'an entry is dropped -> it keeps its bytes'],
  [40, 'wrong rules', 'api', 'refused rules -> pending and applied stay'],
  [41, 'stopped during a copy', 'faults', 'stopped in the middle of a copy'],
  [42, 'three entries, one down', 'scenarios', 'three entries, one stopped'],
  [43, 'the database is an older backup', 'faults', 'the database is an older backup'],
  [44, 'both hold the same files already', 'scenarios', 'both hold the same files already'],
  [45, 'two processes, one frozen', 'killed', 'the one that leads is frozen'],
  [46, 'the watch misses changes', 'faults', 'the watch misses 1,000 new files'],
  [47, 'saved by an editor while it is replaced', 'local-storage', 'an editor saves over the file again and again'],
  [48, 'a name of 255 bytes in conflict', 'scenarios', 'a name of 255 bytes in conflict'],
  [50, 'killed again and again', 'killed', 'killed again and again while somebody works'],
  [51, 'pages out of bounds', 'api', 'limit=10001'],
  [52, 'names that have to be encoded', '../conformance/onitu/onitu', 'R€p1'],
]
/** What is not done: the whole file is sent again when a part of it changed. */
const absent = [49]

test.each(shown)('%i, %s -> there is a test of it', (_number, _what, file, name) => {
  const path = join(import.meta.dirname, file)
  const text = [`${path}.test.ts`, `${path}.ts`].flatMap((one) => {
    try {
      return readFileSync(one, 'utf8')
    } catch {
      return []
    }
  })
  expect(text.join('')).toContain(name)
})

test('no number is missing', () => {
  const numbers = [...shown.map(([number]) => number), ...absent].sort((a, b) => a - b)
  expect(numbers).toEqual(Array.from({ length: 52 }, (_, at) => at + 1))
})
