/** A process that is killed while it exchanges the certificate: the old or the new pair stands whole. */
import { expect, test } from 'bun:test'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installPair, openCertificate } from '../../src/appliance/certificate-store.ts'
import { selfSignedCertificate } from '../../src/self-signed.ts'

test.each([
  ['certs:written', 'CN=old'],
  ['certs:placed', 'CN=old'],
  ['certs:switched', 'CN=new'],
])('at %s: the next start serves %s', async (place, subject) => {
  const folder = mkdtempSync(join(tmpdir(), 'hearth-certs-'))
  const pki = join(folder, 'pki')
  await installPair({ pki }, await selfSignedCertificate({ names: ['old'], notBefore: new Date(), days: 1 }))
  const passed = join(folder, 'passed')
  const child = Bun.spawn([process.execPath, join(import.meta.dirname, 'certs-child.ts'), pki, 'new'], {
    env: { ...process.env, HEARTH_TEST_FAILPOINT: place, HEARTH_TEST_FAILPOINT_LOG: passed },
    stdout: 'ignore',
    stderr: 'ignore',
  })
  await child.exited
  expect(child.signalCode).toBe('SIGKILL')
  expect(readFileSync(passed, 'utf8').trim().split('\n').at(-1)).toBe(place)
  const { key, cert } = await openCertificate({ pki }, folder)
  const served = new X509Certificate(cert)
  expect(served.subject).toBe(subject)
  expect(served.checkPrivateKey(createPrivateKey(key))).toBe(true)
  await installPair({ pki }, await selfSignedCertificate({ names: ['next'], notBefore: new Date(), days: 1 }))
  expect(new X509Certificate((await openCertificate({ pki }, folder)).cert).subject).toBe('CN=next')
  rmSync(folder, { recursive: true })
})
