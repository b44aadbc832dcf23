import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runHearth } from '../support/server.ts'

/** Written again by `UPDATE_GOLDEN=1 bun test test/cli/help.test.ts`. */
const golden = join(import.meta.dirname, 'help.txt')

const commands = [
  [],
  ['serve'],
  ['instances'],
  ['fsck'],
  ['config'],
  ['export'],
  ['import'],
  ['backup'],
  ['restore'],
  ['doctor'],
  ['sync'],
  ['version'],
] as const

describe('help', () => {
  test('is as recorded', async () => {
    const parts: string[] = []
    for (const command of commands) {
      const { code, stdout } = await runHearth([...command, '--help'])
      expect(code).toBe(0)
      parts.push(`$ hearth ${[...command, '--help'].join(' ')}\n${stdout}`)
    }
    const text = parts.join('\n')
    if (process.env['UPDATE_GOLDEN']) await Bun.write(golden, text)
    expect(text).toBe(readFileSync(golden, 'utf8'))
  })
})

describe('version', () => {
  test('says what runs', async () => {
    const manifest = JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8'))
    const { code, stdout } = await runHearth(['version', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      version: manifest.version,
      runtime: expect.stringMatching(/^bun \d/),
      platform: `${process.platform}-${process.arch}`,
    })
    expect((await runHearth(['--version'])).stdout).toBe(`${manifest.version}\n`)
  })
})
