import { expect, test } from 'bun:test'
import { completeAccount } from './accounts.ts'
import { prepareDocument } from './document.ts'

const at = '2026-01-02T03:04:05.000Z'
const base = { doctypeVersion: '', metadataVersion: 1, createdAt: at, updatedAt: at }

function completed(value: object, create: boolean, app?: { slug: string; version?: string }): unknown {
  const sent = prepareDocument({ value: value as never, exact: value as never }, { maxBytes: 10_000 })
  const { body } = completeAccount(sent, { create, actor: app === undefined ? {} : { app }, at }, 10_000)
  expect(JSON.parse(body.text)).toEqual(body.value)
  return body.value
}

test.each<[string, object, boolean, object]>([
  [
    'a new one is named after its login',
    { auth: { login: 'me' }, name: 'n' },
    true,
    { auth: { login: 'me' }, name: 'me' },
  ],
  [
    'or after what identifies it',
    { identifier: 'email', auth: { login: 'me', email: 'm@x' } },
    true,
    { identifier: 'email', auth: { login: 'me', email: 'm@x' }, name: 'm@x' },
  ],
  [
    'but never after a secret',
    { identifier: 'password', auth: { password: 'p' } },
    true,
    { identifier: 'password', auth: { password: 'p' } },
  ],
  ['without a login it keeps its name', { auth: {}, name: 'n' }, true, { auth: {}, name: 'n' }],
  ['a changed one keeps its name', { auth: { login: 'me' }, name: 'n' }, false, { auth: { login: 'me' }, name: 'n' }],
])('%s', (_rule, sent, create, expected) => {
  expect(completed(sent, create)).toEqual({ ...expected, cozyMetadata: base })
})

test('cozyMetadata says which application made it', () => {
  const app = { slug: 'home', version: '1.2.3' }
  const by = { createdByApp: 'home', createdByAppVersion: '1.2.3', updatedByApps: [{ ...app, date: at }] }
  expect(completed({}, true, app)).toEqual({ cozyMetadata: { ...base, ...by } })
})

test('members that a client gave stay, and on an update all of them', () => {
  const cozyMetadata = { sourceAccount: 'x', createdAt: '2020-01-01T00:00:00Z' }
  expect(completed({ cozyMetadata }, true)).toEqual({ cozyMetadata: { ...base, ...cozyMetadata } })
  expect(completed({ cozyMetadata }, false)).toEqual({ cozyMetadata })
})

test('a deletion gets nothing', () => {
  expect(completed({ _deleted: true }, false)).toEqual({})
})
