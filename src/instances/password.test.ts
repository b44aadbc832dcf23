import { describe, expect, test } from 'bun:test'
import { pbkdf2Sync } from 'node:crypto'
import { verifyPassword } from '../admin/scrypt.ts'
import { clientHash, keepPassword } from './password.ts'

const line = (hash: string) => Buffer.from(hash, 'base64').toString()

describe('the kept password', () => {
  test('a clear one is hashed as a client would, without the port of the domain', async () => {
    const master = pbkdf2Sync('correct-horse', 'me@alice.localhost', 650_000, 32, 'sha256')
    const expected = pbkdf2Sync(master, 'correct-horse', 1, 32, 'sha256').toString('base64')
    expect(await clientHash('correct-horse', 'alice.localhost:8080')).toBe(expected)
    const kept = await keepPassword({ passphrase: 'correct-horse' }, 'alice.localhost:8080')
    expect(kept.kdfIterations).toBe(650_000)
    expect(await verifyPassword(expected, line(kept.hash))).toBe(true)
    expect(await verifyPassword('correct-horse', line(kept.hash))).toBe(false)
  })

  test.each([{ kdfIterations: 100_000 }, { key: '0.k' }])(
    'one hashed by the client (%j) is kept as it came',
    async (password) => {
      const kept = await keepPassword({ passphrase: 'hashed', ...password }, 'a.localhost')
      expect(line(kept.hash)).toMatch(/^scrypt\$32768\$8\$1\$[0-9a-f]{32}\$[0-9a-f]{64}$/)
      expect(await verifyPassword('hashed', line(kept.hash))).toBe(true)
      expect(kept.kdfIterations).toBe(password.kdfIterations ?? 650_000)
    },
  )
})
