/** A self-signed certificate for the appliance listener. */
import 'reflect-metadata'
import { isIP } from 'node:net'

export interface KeyAndCertificate {
  /** PKCS #8 and X.509 as PEM; the certificate may be followed by those that vouch for it. */
  readonly key: string
  readonly cert: string
}

export interface CertificateOptions {
  /** DNS names and IP addresses that the certificate is for; the first is also its subject. */
  readonly names: readonly string[]
  readonly notBefore: Date
  readonly days: number
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** Makes a P-256 key and a self-signed certificate. */
export async function selfSignedCertificate(options: CertificateOptions): Promise<KeyAndCertificate> {
  const { names, notBefore, days } = options
  // It looks for the polyfill when it is evaluated; a static import may be evaluated first in the built binary.
  const {
    BasicConstraintsExtension,
    ExtendedKeyUsage,
    ExtendedKeyUsageExtension,
    KeyUsageFlags,
    KeyUsagesExtension,
    PemConverter,
    SubjectAlternativeNameExtension,
    X509CertificateGenerator,
  } = await import('@peculiar/x509')
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [names[0] ?? 'localhost'] }],
    notBefore,
    notAfter: new Date(notBefore.getTime() + days * 86_400_000),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new SubjectAlternativeNameExtension(
        names.map((name) => ({ type: isIP(name) === 0 ? ('dns' as const) : ('ip' as const), value: name })),
      ),
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
    ],
  })
  const key = await crypto.subtle.exportKey('pkcs8', keys.privateKey)
  return { key: `${PemConverter.encode(key, 'PRIVATE KEY')}\n`, cert: `${certificate.toString('pem')}\n` }
}
