/** Whether an uploaded certificate can be served: everything that could go wrong is found out before it is installed. */
import { createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:tls'
import type { KeyAndCertificate } from '../self-signed.ts'
import { ProcedureFailure } from './procedures.ts'

/** The three files as they were uploaded. */
export interface UploadedCertificate {
  readonly public: Uint8Array
  readonly private: Uint8Array
  readonly ca: Uint8Array | undefined
}

export interface CheckedCertificate extends KeyAndCertificate {
  /** SHA-256 of the leaf in hex. */
  readonly fingerprint: string
  readonly warnings: readonly string[]
}

const maxBytes = 256 * 1024
const maxCertificates = 10
const dayMs = 86_400_000

/** Throws a ProcedureFailure that says what is wrong. */
export function checkCertificate(
  upload: UploadedCertificate,
  { now, allowExpired }: { readonly now: Date; readonly allowExpired: boolean },
): CheckedCertificate {
  const warnings: string[] = []
  const [leaf, ...following] = certificatesIn('public', upload.public)
  if (leaf === undefined) throw new ProcedureFailure('public: there is no certificate in PEM')
  const key = privateKeyIn(upload.private)
  if (!leaf.checkPrivateKey(key)) throw new ProcedureFailure('private: the key does not belong to the certificate')
  checkTimes(leaf, now, allowExpired, warnings)
  const authorities = upload.ca === undefined ? [] : certificatesIn('ca', upload.ca)
  if (upload.ca !== undefined && authorities.length === 0)
    throw new ProcedureFailure('ca: there is no certificate in PEM')
  const chain = chainOf(leaf, [...following, ...authorities])
  const unused = [...following, ...authorities].find(
    (one) => !chain.some((used) => used.fingerprint256 === one.fingerprint256),
  )
  if (unused !== undefined) {
    const part = authorities.includes(unused) ? 'ca' : 'public'
    throw new ProcedureFailure(`${part}: ${oneLine(unused.subject)} has not issued the certificate, nor one that did`)
  }
  if (leaf.subjectAltName === undefined)
    warnings.push('The certificate has no subjectAltName; browsers will not accept it')
  // Clients either know a self-signed root or not: sending it does not help.
  const sent = chain.filter((one, at) => at === 0 || !isSelfIssued(one))
  return {
    key: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: sent.map((one) => one.toString()).join(''),
    fingerprint: createHash('sha256').update(leaf.raw).digest('hex'),
    warnings,
  }
}

/** Serves the pair once, on this machine only, and looks whether a client gets it. Throws a ProcedureFailure. */
export async function rehearse({ key, cert, fingerprint }: CheckedCertificate): Promise<void> {
  const server = createServer({ key, cert, minVersion: 'TLSv1.2' }, (socket) => socket.on('error', () => {}).end())
  server.on('tlsClientError', () => {})
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, '127.0.0.1', resolve)
    })
    const { port } = server.address() as AddressInfo
    const seen = await new Promise<string>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
        resolve(createHash('sha256').update(socket.getPeerCertificate().raw).digest('hex'))
        socket.destroy()
      })
      socket.setTimeout(5_000, () => socket.destroy(new Error('the handshake takes too long')))
      socket.once('error', reject)
    })
    if (seen !== fingerprint) throw new Error('another certificate was served')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ProcedureFailure(`A trial handshake with the certificate failed: ${reason}`, undefined, { cause })
  } finally {
    server.close()
  }
}

function certificatesIn(part: string, bytes: Uint8Array): X509Certificate[] {
  const text = textOf(part, bytes)
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []
  if (blocks.length > maxCertificates) throw new ProcedureFailure(`${part}: more than ${maxCertificates} certificates`)
  return blocks.map((block) => {
    try {
      return new X509Certificate(block)
    } catch (cause) {
      throw new ProcedureFailure(`${part}: a certificate cannot be read`, undefined, { cause })
    }
  })
}

function privateKeyIn(bytes: Uint8Array): KeyObject {
  const text = textOf('private', bytes)
  const blocks = text.match(/-----BEGIN ([A-Z0-9 ]*)PRIVATE KEY-----[\s\S]*?-----END \1PRIVATE KEY-----/g) ?? []
  if (blocks.length !== 1) throw new ProcedureFailure('private: exactly one private key in PEM is needed')
  const [block = ''] = blocks
  if (block.includes('ENCRYPTED')) {
    throw new ProcedureFailure('private: the key is encrypted; remove its passphrase')
  }
  let key: KeyObject
  try {
    key = createPrivateKey(block)
  } catch (cause) {
    throw new ProcedureFailure('private: the key cannot be read', undefined, { cause })
  }
  const bits = key.asymmetricKeyDetails?.modulusLength
  if (bits !== undefined && bits < 2048)
    throw new ProcedureFailure(`private: ${bits} bits are too few; use 2048 or more`)
  return key
}

function checkTimes(leaf: X509Certificate, now: Date, allowExpired: boolean, warnings: string[]): void {
  const from = new Date(leaf.validFrom).getTime()
  const until = new Date(leaf.validTo).getTime()
  if (until <= now.getTime()) {
    if (!allowExpired) throw new ProcedureFailure(`public: the certificate expired on ${leaf.validTo}`)
    warnings.push(`The certificate expired on ${leaf.validTo}`)
  } else if (until - now.getTime() < 30 * dayMs) warnings.push(`The certificate expires on ${leaf.validTo}`)
  if (from <= now.getTime()) return
  if (from - now.getTime() > dayMs)
    throw new ProcedureFailure(`public: the certificate is not valid before ${leaf.validFrom}`)
  warnings.push(`The certificate is not valid before ${leaf.validFrom}`)
}

/** The leaf, its issuer, that one's issuer, as far as they are present. */
function chainOf(leaf: X509Certificate, pool: readonly X509Certificate[]): X509Certificate[] {
  const chain = [leaf]
  for (let last = leaf; !isSelfIssued(last); ) {
    const issuer = pool.find((one) => !chain.includes(one) && issued(one, last))
    if (issuer === undefined) return chain
    chain.push(issuer)
    last = issuer
  }
  return chain
}

function issued(issuer: X509Certificate, subject: X509Certificate): boolean {
  return issuer.ca && subject.checkIssued(issuer) && subject.verify(issuer.publicKey)
}

function isSelfIssued(one: X509Certificate): boolean {
  return one.issuer === one.subject && one.verify(one.publicKey)
}

function textOf(part: string, bytes: Uint8Array): string {
  if (bytes.length > maxBytes) throw new ProcedureFailure(`${part}: larger than ${maxBytes} bytes`)
  return Buffer.from(bytes)
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
    .replaceAll('\r\n', '\n')
}

function oneLine(name: string): string {
  return name.replaceAll('\n', ', ')
}
