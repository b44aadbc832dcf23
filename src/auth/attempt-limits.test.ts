import { expect, test } from 'bun:test'
import type { AttemptStore } from '../../storage/attempts/contract.ts'
import { networkOf, newLimits } from './attempt-limits.ts'

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['', ''],
  ['cozy0123', 'cozy0123'],
])('the address %p is of the client %p', (address, expected) => {
  expect(networkOf(address)).toBe(expected)
})

test('addresses of one network are counted together, those of others not', async () => {
  const keys: string[] = []
  const store: Partial<AttemptStore> = {
    async count(key) {
      keys.push(key)
      return { allowed: true, endsInMs: 0 }
    },
  }
  const limits = newLimits(store as AttemptStore)
  for (const address of ['2001:db8:1:2::1', '2001:db8:1:2:ffff::', '2001:db8:1:3::1']) {
    await limits.count({ limit: 'passphraseHere', key: `prefix ${address}` })
  }
  expect(keys[0]).toBe(keys[1] as string)
  expect(keys[2]).not.toBe(keys[0] as string)
})
