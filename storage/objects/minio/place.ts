/** Where a bucket is, read from `s3://KEY:SECRET@host[:port]/bucket[?region=]`; `s3+http` is without TLS. */
import { StartupError } from '../../../src/model/startup-error.ts'

export interface BucketPlace {
  readonly host: string
  /** Absent: the usual one. */
  readonly port: number | undefined
  readonly tls: boolean
  readonly accessKey: string
  readonly secretKey: string
  readonly bucket: string
  readonly region: string | undefined
}

/** Reads the URL; throws a StartupError that shows no part of it, since it holds a secret. */
export function bucketPlace(text: string): BucketPlace {
  const tls = text.startsWith('s3://')
  // Parsed as a URL of the web, whose rules do not cover other schemes.
  const web = text.replace(/^s3:/, 'https:').replace(/^s3\+http:/, 'http:')
  if (web === text || !URL.canParse(web)) throw wrong('is not the URL of a bucket')
  const { hostname, port, username, password, pathname, searchParams } = new URL(web)
  const other = [...searchParams.keys()].find((name) => name !== 'region')
  if (other !== undefined) throw wrong(`has the unknown parameter ${other}`)
  if (username === '' || password === '') throw wrong('lacks the access key or the secret key')
  const bucket = pathname.replace(/^\/|\/$/g, '')
  // The rules of S3 for names of buckets.
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
    throw wrong('lacks a bucket name of 3 to 63 lower-case letters, digits, dots and hyphens')
  }
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? undefined : Number(port),
    tls,
    accessKey: decoded(username),
    secretKey: decoded(password),
    bucket,
    region: searchParams.get('region') ?? undefined,
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw wrong('has a bad escape in a key')
  }
}

function wrong(what: string): StartupError {
  return new StartupError(
    `objects_url ${what}; allowed: s3://KEY:SECRET@host[:port]/bucket[?region=...], or s3+http://... without TLS`,
  )
}
