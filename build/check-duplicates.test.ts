import { describe, expect, test } from 'bun:test'
import { duplicates } from './check-duplicates.ts'

const lines = (count: number) => Array.from({ length: count }, (_, n) => `  line(${n})`).join('\n')
const imports = Array.from({ length: 20 }, (_, n) => `import { a${n} } from './a${n}.ts'`).join('\n')

describe('files that share lines', () => {
  test.each([
    ['fifteen lines are allowed', lines(15), 0],
    ['sixteen are not', lines(16), 1],
    ['imports do not count', `${imports}\n${lines(10)}`, 0],
  ])('%s', (_name, text, count) => {
    expect(
      duplicates([
        { path: 'a.ts', text: `${text}\na()` },
        { path: 'b.ts', text: `b()\n${text}` },
      ]),
    ).toHaveLength(count)
  })

  test('unless both say why', () => {
    const a = { path: 'a.ts', text: `// The same lines as in b.ts: two drivers, one protocol.\n${lines(20)}` }
    const b = { path: 'b.ts', text: `// The same lines as in a.ts: two drivers, one protocol.\n${lines(20)}` }
    expect(duplicates([a, b])).toEqual([])
    expect(duplicates([a, { path: 'b.ts', text: lines(20) }])).toHaveLength(1)
  })
})
