import { expect, test } from 'bun:test'
import { isOwner } from './identity-provider.ts'

const instance = { domain: 'a.test', document: { oidc_id: '0042', franceconnect_id: 'fc-1' } }

test.each([
  [{ sub: '0042', names: 'oidc_id' }, true],
  [{ sub: 'fc-1', names: 'franceconnect_id' }, true],
  [{ sub: 'a.test', names: 'domain' }, true],
  [{ sub: '0042', names: 'franceconnect_id' }, false],
  [{ sub: 'fc-1', names: 'oidc_id' }, false],
  [{ sub: 'a.test', names: 'oidc_id' }, false],
  [{ sub: '0042', names: 'domain' }, false],
  [{ sub: '', names: 'oidc_id' }, false],
  [{ sub: '0042' }, false],
  [{ names: 'oidc_id' }, false],
])('the identity %j is the owner of the instance -> %p', (identity, expected) => {
  expect(isOwner(instance, identity)).toBe(expected)
})

test('an instance without ids belongs to no identity but that of its domain', () => {
  const bare = { domain: 'a.test', document: {} }
  expect(isOwner(bare, { names: 'oidc_id' })).toBe(false)
  expect(isOwner(bare, { sub: 'a.test', names: 'domain' })).toBe(true)
})
