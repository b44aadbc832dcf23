/**
 * A self-signed certificate for the appliance listener, made of nothing but node:crypto: the few structures of X.509
 * (RFC 5280) that it takes are written below in DER.
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'

export interface KeyAndCertificate {
  /** PKCS #8 and X.509 as PEM. */
  readonly key: string
  readonly cert: string
}

export interface CertificateOptions {
  /** DNS names and IP addresses that the certificate is for; the first is also its subject. */
  readonly names: readonly string[]
  readonly notBefore: Date
  readonly days: number
}

/** Makes a P-256 key and a certificate signed by itself. */
export function selfSignedCertificate({ names, notBefore, days }: CertificateOptions): KeyAndCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const notAfter = new Date(notBefore.getTime() + days * 86_400_000)
  const name = sequence(set(sequence(oid(2, 5, 4, 3), utf8String(names[0] ?? 'localhost'))))
  const body = sequence(
    tagged(0xa0, integer(Buffer.of(2))),
    integer(serialNumber()),
    ecdsaWithSha256,
    name,
    sequence(time(notBefore), time(notAfter)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...extensions(names))),
  )
  const signature = sign('sha256', body, privateKey)
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: pem(sequence(body, ecdsaWithSha256, bitString(signature))),
  }
}

function extensions(names: readonly string[]): Buffer[] {
  const digitalSignature = tagged(0x03, Buffer.of(7, 0x80))
  return [
    extension(oid(2, 5, 29, 17), sequence(...names.map(alternativeName))),
    extension(oid(2, 5, 29, 15), digitalSignature),
    extension(oid(2, 5, 29, 37), sequence(oid(1, 3, 6, 1, 5, 5, 7, 3, 1))),
  ]
}

function extension(id: Buffer, value: Buffer): Buffer {
  return sequence(id, tagged(0x04, value))
}

function alternativeName(name: string): Buffer {
  if (isIP(name) === 0) return tagged(0x82, Buffer.from(name, 'ascii'))
  return tagged(0x87, isIP(name) === 4 ? Buffer.from(name.split('.').map(Number)) : ipv6Bytes(name))
}

function ipv6Bytes(address: string): Buffer {
  const [head = '', tail] = address.split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)))
  const [left, right] = [groups(head), groups(tail ?? '')]
  const middle = new Array<number>(8 - left.length - right.length).fill(0)
  return Buffer.from([...left, ...middle, ...right].flatMap((group) => [group >> 8, group & 255]))
}

/** Positive and never led by a zero byte, as RFC 5280 4.1.2.2 asks. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes
}

const ecdsaWithSha256 = sequence(oid(1, 2, 840, 10045, 4, 3, 2))

function tagged(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.of(tag, ...size), content])
}

function sequence(...parts: Uint8Array[]): Buffer {
  return tagged(0x30, ...parts)
}

function set(...parts: Uint8Array[]): Buffer {
  return tagged(0x31, ...parts)
}

function integer(bytes: Uint8Array): Buffer {
  return tagged(0x02, bytes)
}

function bitString(bytes: Uint8Array): Buffer {
  return tagged(0x03, Buffer.of(0), bytes)
}

function utf8String(text: string): Buffer {
  return tagged(0x0c, Buffer.from(text))
}

/** UTCTime up to 2049, GeneralizedTime from then on (RFC 5280 4.1.2.5). */
function time(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/[-:T]|\.\d+/g, '')
  return date.getUTCFullYear() < 2050 ? tagged(0x17, Buffer.from(digits.slice(2))) : tagged(0x18, Buffer.from(digits))
}

function oid(first: number, second: number, ...rest: number[]): Buffer {
  const bytes = [first * 40 + second]
  for (const part of rest) {
    const groups = [part & 127]
    for (let left = part >> 7; left > 0; left >>= 7) groups.unshift((left & 127) | 128)
    bytes.push(...groups)
  }
  return tagged(0x06, Buffer.from(bytes))
}

function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
