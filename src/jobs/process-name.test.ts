import { expect, test } from 'bun:test'
import { hasEnded, newProcessName } from './process-name.ts'

const own = newProcessName()
const [boot, ids, pid, start, random] = own.split('/')
const child = Bun.spawnSync(['true'])

const cases: readonly [string, readonly (string | number | undefined)[], boolean, boolean][] = [
  ['this process', [boot, ids, pid, start, random], false, false],
  ['a process that ended', [boot, ids, child.pid, start, random], true, true],
  ['an id that was given again', [boot, ids, pid, '1', random], true, true],
  ['a process of another container', [boot, `${ids}1`, 999_999_999, start, random], false, false],
  ['a process before the machine was started anew', ['another', ids, pid, start, random], false, true],
  ['a name of another form', ['old'], false, true],
]

for (const [what, parts, anywhere, here] of cases) {
  test(`${what} has ${here ? '' : 'not '}ended`, () => {
    const name = parts.join('/')
    expect(hasEnded(name, { onThisMachine: false })).toBe(anywhere)
    expect(hasEnded(name, { onThisMachine: true })).toBe(here)
  })
}
