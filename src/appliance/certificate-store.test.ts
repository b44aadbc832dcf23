import { afterAll, expect, test } from 'bun:test'
import { X509Certificate } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { selfSignedCertificate } from '../self-signed.ts'
import { installPair, openCertificate } from './certificate-store.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'hearth-tls-'))
afterAll(() => rmSync(dataDir, { recursive: true, force: true }))
const places = { pki: join(dataDir, 'appliance', 'pki') }
const current = (name: string) => join(places.pki, 'current', name)
const open = (now?: Date) => openCertificate(places, dataDir, {}, now)

test('is made once, kept, and its key is private', async () => {
  const made = await open()
  expect(await open()).toEqual(made)
  expect(readFileSync(current('chain.pem'), 'utf8')).toBe(made.cert)
  expect(statSync(current('key.pem')).mode & 0o777).toBe(0o600)
  expect(new X509Certificate(made.cert).subjectAltName).toContain('DNS:localhost')
})

test('is made anew shortly before it ends', async () => {
  const old = await open()
  const later = new Date(Date.now() + 800 * 86_400_000)
  expect((await open(later)).cert).not.toBe(old.cert)
})

test("an operator's own certificate is never replaced", async () => {
  const own = await selfSignedCertificate({ names: ['box.example.org'], notBefore: new Date(0), days: 1 })
  await installPair(places, own)
  expect(await open()).toEqual(own)
})

test('only the last pairs are kept', async () => {
  for (let count = 0; count < 4; count++) {
    await installPair(places, await selfSignedCertificate({ names: [`box${count}`], notBefore: new Date(), days: 1 }))
  }
  expect(readdirSync(places.pki).length).toBeLessThanOrEqual(4)
  expect(new X509Certificate((await open()).cert).subject).toBe('CN=box3')
})

test('files named by the configuration come first', async () => {
  const own = await selfSignedCertificate({ names: ['named.example.org'], notBefore: new Date(), days: 1 })
  const files = { key: join(dataDir, 'named.key'), cert: join(dataDir, 'named.crt') }
  writeFileSync(files.key, own.key)
  writeFileSync(files.cert, own.cert)
  expect(await openCertificate(places, dataDir, files)).toEqual(own)
})

test('the pair in the folder tls of the data directory is taken over', async () => {
  rmSync(places.pki, { recursive: true })
  const own = await selfSignedCertificate({ names: ['old.example.org'], notBefore: new Date(), days: 1 })
  mkdirSync(join(dataDir, 'tls'))
  writeFileSync(join(dataDir, 'tls', 'appliance.key'), own.key)
  writeFileSync(join(dataDir, 'tls', 'appliance.crt'), own.cert)
  expect(await open()).toEqual(own)
})

test('half of a pair and rubbish are clear errors', async () => {
  writeFileSync(join(dataDir, 'tls', 'appliance.crt'), 'rubbish')
  expect(open()).rejects.toThrow('is not a certificate in PEM')
  rmSync(join(dataDir, 'tls', 'appliance.key'))
  expect(open()).rejects.toThrow('only one of')
})
