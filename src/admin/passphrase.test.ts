import { describe, expect, test } from 'bun:test'
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryStore } from '../../test/http/admin/memory-store.ts'
import { generatePassphrase, hashPassphrase, openAdminAuth } from './passphrase.ts'
import { hashPassword, isPasswordHash, verifyPassword } from './scrypt.ts'

describe('hashes', () => {
  test('have the documented form and verify', async () => {
    const hash = await hashPassword('s3cret')
    expect(hash).toMatch(/^scrypt\$32768\$8\$1\$[0-9a-f]{32}\$[0-9a-f]{64}$/)
    expect(await verifyPassword('s3cret', hash)).toBe(true)
    expect(await verifyPassword('s3cret', ` ${hash}\n`)).toBe(true)
    expect(await verifyPassword('S3cret', hash)).toBe(false)
    expect(await hashPassword('s3cret')).not.toBe(hash)
  })

  test('made elsewhere with other costs verify too', async () => {
    // RFC 7914, section 12: "password" / "NaCl".
    const key =
      'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640'
    const hash = `scrypt$1024$8$16$${Buffer.from('NaCl').toString('hex')}$${key}`
    expect(await verifyPassword('password', hash)).toBe(true)
  })

  test.each([
    '',
    'x',
    `scrypt$1000$8$1$00$${'00'.repeat(32)}`,
    `scrypt$32768$8$1$0$${'00'.repeat(32)}`,
    'scrypt$32768$8$1$00$00',
    `scrypt$33554432$8$1$00$${'00'.repeat(32)}`,
    `scrypt$32768$0$1$00$${'00'.repeat(32)}`,
  ])('%p is none', async (hash) => {
    expect(isPasswordHash(hash)).toBe(false)
    await expect(verifyPassword('x', hash)).rejects.toThrow('not of the form')
  })
})

test('generated passphrases are long and differ', () => {
  const made = Array.from({ length: 50 }, generatePassphrase)
  expect(new Set(made).size).toBe(50)
  for (const passphrase of made) expect(passphrase).toMatch(/^[a-hj-km-np-z2-9]{6}(-[a-hj-km-np-z2-9]{6}){3}$/)
})

describe('the admin passphrase', () => {
  test('from the environment needs no storage', async () => {
    const store = memoryStore()
    const auth = await openAdminAuth({ store, fromEnvironment: 's3cret' })
    expect([await auth.verify('s3cret'), await auth.verify('S3cret'), await auth.verify('')]).toEqual([
      'ok',
      'bad',
      'bad',
    ])
    expect(auth.generated).toBeUndefined()
    expect(store.calls).toEqual([])
  })

  test('is generated once, kept as a hash, and shared by later processes', async () => {
    const store = memoryStore()
    const first = await openAdminAuth({ store })
    const second = await openAdminAuth({ store })
    expect(first.generated).toBeDefined()
    expect(second.generated).toBeUndefined()
    for (const auth of [first, second]) {
      expect([await auth.verify(first.generated!), await auth.verify('x')]).toEqual(['ok', 'bad'])
    }
    const kept = await store.read({ prefix: 'global', name: 'io.cozy.settings' }, 'admin-passphrase')
    expect((kept as { text: string }).text).toContain('scrypt$32768$8$1$')
    expect((kept as { text: string }).text).not.toContain(first.generated!)
  })

  test('two processes that start at once agree on one', async () => {
    const store = memoryStore()
    const both = await Promise.all([openAdminAuth({ store }), openAdminAuth({ store })])
    const made = both.flatMap(({ generated }) => generated ?? [])
    expect(made).toHaveLength(1)
    for (const auth of both) expect(await auth.verify(made[0]!)).toBe('ok')
  })

  test('a right one is hashed once', async () => {
    const auth = await openAdminAuth({ store: memoryStore() })
    const ask = () => auth.verify(auth.generated!)
    await ask()
    const start = performance.now()
    for (let n = 0; n < 100; n++) expect(await ask()).toBe('ok')
    expect(performance.now() - start).toBeLessThan(500)
  })

  test('in a file is read again when the file changes, and its absence is told', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hearth-'))
    const secretFile = join(folder, 'secret')
    const store = memoryStore()
    try {
      await expect(openAdminAuth({ store, secretFile })).rejects.toThrow(secretFile)
      await writeFile(secretFile, 'clear text')
      await expect(openAdminAuth({ store, secretFile })).rejects.toThrow('scrypt$N$r$p$salt$key')
      await writeFile(secretFile, `${await hashPassphrase('one')}\n`)
      const auth = await openAdminAuth({ store, secretFile })
      expect([await auth.verify('one'), await auth.verify('two')]).toEqual(['ok', 'bad'])
      await writeFile(secretFile, `${await hashPassphrase('two')}\n`)
      await utimes(secretFile, new Date(), new Date(Date.now() + 2_000))
      expect([await auth.verify('one'), await auth.verify('two')]).toEqual(['bad', 'ok'])
      await rm(secretFile)
      expect(await auth.verify('two')).toBe('missing')
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
