import { expect, test } from 'bun:test'
import { X509Certificate } from 'node:crypto'
import { selfSignedCertificate } from './self-signed.ts'

test('the certificate verifies with its own key and names every host', async () => {
  const { key, cert } = await selfSignedCertificate({
    names: ['localhost', 'my-box.local', '127.0.0.1', '::1', 'fe80::1:2'],
    notBefore: new Date('2026-11-22T10:00:00Z'),
    days: 3650,
  })
  const parsed = new X509Certificate(cert)
  expect(parsed.verify(parsed.publicKey)).toBe(true)
  expect(parsed.subject).toBe('CN=localhost')
  expect(parsed.subjectAltName).toBe(
    'DNS:localhost, DNS:my-box.local, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, IP Address:FE80:0:0:0:0:0:1:2',
  )
  expect(new Date(parsed.validFrom).toISOString()).toBe('2026-11-22T10:00:00.000Z')
  expect(new Date(parsed.validTo).getUTCFullYear()).toBe(2036)
  expect(key).toStartWith('-----BEGIN PRIVATE KEY-----')
})
