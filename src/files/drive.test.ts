import { expect, test } from 'bun:test'
import { SignJWT } from 'jose'
import type { DocumentStore } from '../../storage/documents/contract.ts'
import type { Instance } from '../instances/service.ts'
import { parseJson } from '../model/json/exact.ts'
import { newDriveOf, quotaOf } from './drive.ts'

test.each([
  [undefined, undefined],
  ['', undefined],
  ['0', undefined],
  [0, undefined],
  ['-1', undefined],
  ['many', undefined],
  [null, undefined],
  ['1000', 1000],
  [1000, 1000],
  ['9223372036854775807', 2 ** 63],
  [parseJson('9223372036854775807').exact, 2 ** 63],
])('a quota of %p is %p', (value, bytes) => {
  expect(quotaOf(value)).toBe(bytes)
})

const documents: Readonly<Record<string, object>> = {
  'io.cozy.apps/drive': { version: '1.2.3' },
  c1: { client_kind: 'desktop', client_name: 'Laptop' },
}
const store = {
  read: async (_ref, id) => {
    const text = documents[id]
    return text && { id, gen: 1, hash: 'a', deleted: false, text: JSON.stringify(text), leaves: 1, seq: 1n }
  },
} satisfies Pick<DocumentStore, 'read'>
const instance: Instance = {
  id: 'i',
  rev: '1-a',
  domain: 'alice.example',
  aliases: [],
  prefix: 'p',
  document: { disk_quota: '5000', locale: 'fr' },
}
const versioning = { max: 3, minDelayMs: 1 }
const token = (aud: string, sub: string, scope = '') =>
  new SignJWT({ scope }).setProtectedHeader({ alg: 'HS256' }).setAudience(aud).setSubject(sub).sign(new Uint8Array(64))

test('what an instance says', async () => {
  const drive = await newDriveOf({ store, versioning })(instance, undefined)
  const pageUrl = 'https://alice.example/'
  const administrative = [{ type: 'io.cozy.apps', id: 'io.cozy.apps/administrative' }]
  const firstDirectories = [{ name: 'Administratif', referencedBy: administrative }, { name: 'Photos' }]
  const { owner, ...plain } = drive
  expect(plain).toEqual({
    prefix: 'p',
    pageUrl,
    quota: 5000,
    versioning,
    actor: {},
    locale: 'fr',
    firstDirectories,
  })
  expect(await owner?.()).toEqual({ displayName: '', domain: 'alice.example' })
})

test.each([
  [{}, ['Administratif', 'Photos']],
  [{ init_photos_folder: false }, ['Administratif']],
  [{ init_administrative_folder: false }, ['Photos']],
  [{ init_administrative_folder: false, init_photos_folder: false }, []],
])('a context that says %j begins with the directories %j', async (context, names) => {
  const asked: (string | undefined)[] = []
  const contextOf = (name: string | undefined) => {
    asked.push(name)
    return context
  }
  const named = { ...instance, document: { ...instance.document, context: 'beta' } }
  const drive = await newDriveOf({ store, versioning, contextOf })(named, undefined)
  expect(drive.firstDirectories?.map(({ name }) => name)).toEqual(names)
  expect(asked).toEqual(['beta'])
})

test.each([
  ['cli', 'me', '', {}],
  ['share', 'me', '', {}],
  ['app', 'drive', '', { app: { slug: 'drive', version: '1.2.3' } }],
  ['app', 'other', '', { app: { slug: 'other' } }],
  ['access', 'c1', 'io.cozy.files', { client: { id: 'c1', kind: 'desktop', name: 'Laptop' } }],
  [
    'access',
    'c1',
    '@io.cozy.apps/drive',
    { app: { slug: 'drive', version: '1.2.3' }, client: { id: 'c1', kind: 'desktop', name: 'Laptop' } },
  ],
])('the bearer of a token for %s %s %s', async (audience, subject, scope, actor) => {
  const drive = await newDriveOf({ store, versioning })(instance, await token(audience, subject, scope))
  expect(drive.actor).toEqual(actor as typeof drive.actor)
})
