import { describe, expect, test } from 'bun:test'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { parseJson, stringifyJson } from '../model/json/exact.ts'
import type { JsonObject } from '../model/json/value.ts'
import { accountContext, openAccount, sealAccount, withoutSealed } from './accounts.ts'
import { makeKeyFile, parseKey } from './key.ts'
import { sealBody, sealText } from './sealed-store.ts'
import { newSecrets } from './secrets.ts'

const key = (byte: number) => new Uint8Array(32).fill(byte)
const secrets = newSecrets(key(1))
const context = accountContext('tenant')

describe('sealing a text', () => {
  test('what was sealed is opened with the same key and context only', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (text, place) => {
        const sealed = secrets.seal(text, place)
        expect(secrets.open(sealed, place)).toBe(text)
        expect(secrets.open(sealed, `${place}x`)).toBeUndefined()
        expect(newSecrets(key(2)).open(sealed, place)).toBeUndefined()
      }),
    )
  })
  test('twice the same is not the same', () => {
    expect(secrets.seal('x', 'c')).not.toBe(secrets.seal('x', 'c'))
  })
  test('a changed or shortened one is not opened', () => {
    const sealed = secrets.seal('geheim', 'c')
    for (let at = 0; at < sealed.length; at++) {
      const other = sealed[at] === 'A' ? 'B' : 'A'
      // The last character holds bits that no byte has.
      if (at < sealed.length - 1)
        expect(secrets.open(sealed.slice(0, at) + other + sealed.slice(at + 1), 'c')).toBeUndefined()
      expect(secrets.open(sealed.slice(0, at), 'c')).toBeUndefined()
    }
  })
  test('the name of a key does not tell it and differs from key to key', () => {
    expect(secrets.keyId).toMatch(/^[0-9a-f]{16}$/)
    expect(secrets.keyId).not.toBe(newSecrets(key(2)).keyId)
  })
})

test.each([
  ['00'.repeat(32), 32],
  ['AB'.repeat(32), 32],
  [`${Buffer.from(key(255)).toString('base64')}\n`, 32],
  [Buffer.from(key(250)).toString('base64url'), 32],
  ['', undefined],
  ['00'.repeat(31), undefined],
  ['password', undefined],
  [Buffer.from(key(1)).toString('base64').slice(0, 42), undefined],
])('the key %p has %p bytes', (text, length) => {
  expect(parseKey(text)?.length).toBe(length as number)
})

test('of processes that make the key of one data directory at once, all get the one in the file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hearth-key-'))
  try {
    const path = join(folder, 'secrets.key')
    const keys = await Promise.all(Array.from({ length: 8 }, () => makeKeyFile(path)))
    keys.push(await makeKeyFile(path))
    expect(new Set(keys.map((one) => Buffer.from(one).toString('hex'))).size).toBe(1)
    expect(await readdir(folder)).toEqual(['secrets.key'])
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

describe('the secrets of an account', () => {
  const account = parseJson(`{
    "account_type": "bank", "name": "n", "big": 12345678901234567890, "x": 1.0,
    "auth": {"login": "me", "password": "geheim", "zipcode": "x", "dob": "geheim", "accessToken": "geheim", "code": 12345678901234567890,
             "session": {"cookie": "geheim"}, "token_type": "b", "secret": "", "pin": null, "deep": {"api_key": "geheim"}},
    "oauth": {"access_token": "geheim", "refresh_token": "geheim", "client_secret": "geheim", "expires_at": "2026"},
    "data": {"auth": {"password": ["geheim"]}, "password": "not a secret of an account", "data": {"auth": {"password": "neither"}}}
  }`).exact as JsonObject

  test('are sealed, and the rest stays as it was', () => {
    const sealed = sealAccount(account, secrets, context)
    const text = stringifyJson(sealed)
    expect(text).not.toContain('geheim')
    expect(text).toContain('"big":12345678901234567890,"x":1.0')
    expect(Object.keys(sealed['auth'] as object).sort()).toEqual([
      'accessToken_encrypted',
      'code_encrypted',
      'credentials_encrypted',
      'deep',
      'dob_encrypted',
      'login',
      'pin',
      'secret',
      'session_encrypted',
      'token_type',
      'zipcode',
    ])
    expect(text).toContain('"password":"not a secret of an account"')
  })
  test('come back whole', () => {
    const sealed = sealAccount(account, secrets, context)
    const { account: opened, incomplete } = openAccount(sealed, secrets, context)
    expect(incomplete).toBe(false)
    expect(parseJson(stringifyJson(opened)).value).toEqual(parseJson(stringifyJson(account)).value)
  })
  test('are sealed once', () => {
    const sealed = sealAccount(account, secrets, context)
    expect(sealAccount(sealed, secrets, context)).toBe(sealed)
  })
  test('of another tenant, or under another key, stay closed and can be left out', () => {
    const sealed = sealAccount(account, secrets, context)
    expect(openAccount(sealed, secrets, accountContext('other'))).toEqual({ account: sealed, incomplete: true })
    const left = withoutSealed(sealed)
    expect(stringifyJson(left)).not.toContain('_encrypted')
    expect(left['auth']).toMatchObject({ login: 'me', zipcode: 'x' })
  })
  test.each([
    '{}',
    '{"auth":null}',
    '{"auth":[]}',
    '{"auth":"geheim"}',
    '{"auth":1.0}',
    '{"auth":{"__proto__":{"a":1}}}',
    '{"data":5}',
  ])('in %s there are none', (text) => {
    const { exact } = parseJson(text)
    expect(sealAccount(exact as JsonObject, secrets, context)).toBe(exact as JsonObject)
  })
})

describe('a body', () => {
  const ref = { prefix: 'tenant', name: 'io.cozy.accounts' }
  const text =
    '{"auth":{"password":"geheim"},"_attachments":{"a":{"stub":true,"digest":"md5-x","length":1,"revpos":1,"content_type":"t"}}}'

  test('keeps its attachments', () => {
    const sealed = sealText(ref, 'a', text, secrets)
    expect(sealed?.text).toContain('"_attachments":{"a":{"stub":true')
    expect(sealed?.text).not.toContain('geheim')
  })
  test('of another doctype, or of a design document, is left alone', () => {
    const body = { text, raw: false, digest: '', value: {} }
    expect(sealBody({ ...ref, name: 'io.cozy.notes' }, 'a', body, secrets)).toBe(body)
    expect(sealBody(ref, '_design/a', body, secrets)).toBe(body)
  })
})
