import { afterAll, expect, test } from 'bun:test'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openApplianceCertificate } from './appliance-certificate.ts'
import { selfSignedCertificate } from './self-signed.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'hearth-tls-'))
afterAll(() => rmSync(dataDir, { recursive: true, force: true }))
const file = (name: string) => join(dataDir, 'tls', `appliance.${name}`)

test('is made once, kept, and its key is private', async () => {
  const made = await openApplianceCertificate(dataDir)
  expect(await openApplianceCertificate(dataDir)).toEqual(made)
  expect(readFileSync(file('crt'), 'utf8')).toBe(made.cert)
  expect(statSync(file('key')).mode & 0o777).toBe(0o600)
  expect(new X509Certificate(made.cert).subjectAltName).toContain('DNS:localhost')
})

test('is made anew shortly before it ends', async () => {
  const old = await openApplianceCertificate(dataDir)
  const later = new Date(Date.now() + 3630 * 86_400_000)
  expect((await openApplianceCertificate(dataDir, later)).cert).not.toBe(old.cert)
})

test("an operator's own certificate is never replaced", async () => {
  const own = await selfSignedCertificate({ names: ['box.example.org'], notBefore: new Date(0), days: 1 })
  writeFileSync(file('key'), own.key)
  writeFileSync(file('crt'), own.cert)
  expect(await openApplianceCertificate(dataDir)).toEqual(own)
})

test('half of a pair and rubbish are clear errors', async () => {
  writeFileSync(file('crt'), 'rubbish')
  expect(openApplianceCertificate(dataDir)).rejects.toThrow('is no certificate in PEM')
  rmSync(file('key'))
  expect(openApplianceCertificate(dataDir)).rejects.toThrow('holds only one of')
})
