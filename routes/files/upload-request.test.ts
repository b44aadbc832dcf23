import { describe, expect, test } from 'bun:test'
import { newRouter } from '../http/router.ts'
import { contentClaims, metadataOf } from './upload-request.ts'

type Query = Parameters<typeof contentClaims>[1]

async function claims(headers: Record<string, string>, query: Partial<Query>) {
  const app = newRouter()
  let result: unknown
  app.post('/x', (c) => {
    try {
      result = contentClaims(c, { Executable: false, Encrypted: false, Size: undefined, ...query })
    } catch (error) {
      result = error
    }
    return c.text('')
  })
  await app.request('/x', { method: 'POST', headers })
  return result
}

describe('what is announced of the bytes', () => {
  test.each<[Record<string, string>, Partial<Query>, object]>([
    [{}, {}, { mime: undefined, size: undefined, md5: undefined }],
    [{ 'content-type': '' }, {}, { mime: undefined }],
    [{ 'content-type': 'text/plain' }, {}, { mime: 'text/plain' }],
    [{ 'content-length': '12' }, {}, { size: 12 }],
    [{}, { Size: '5000000000' }, { size: 5_000_000_000 }],
    [{ 'content-length': '12' }, { Size: '13' }, { size: 12 }],
    [{ 'content-length': '' }, { Size: '13' }, { size: 13 }],
    [{ 'content-md5': 'XUFAKrxLKna5cZ2REBfFkg==' }, {}, { md5: 'XUFAKrxLKna5cZ2REBfFkg==' }],
    [{ 'content-md5': '' }, {}, { md5: undefined }],
    [{}, { Executable: true, Encrypted: true }, { executable: true, encrypted: true }],
  ])('%j %j', async (headers, query, expected) => {
    expect(await claims(headers, query)).toMatchObject(expected)
  })

  test.each<[Record<string, string>, Partial<Query>, string]>([
    [{ 'content-length': '1e3' }, {}, 'Content-Length'],
    [{}, { Size: '-1' }, 'Size'],
    [{}, { Size: '12345678901234567890' }, 'Size'],
    [{ 'content-md5': '5d41402abc4b2a76b9719d911017c592' }, {}, 'Content-MD5'],
    [{ 'content-md5': 'XUFAKrxLKna5cZ2REBfFkg' }, {}, 'Content-MD5'],
    [{ 'content-md5': 'XUFAKrxLKna5cZ2REBfFkh==' }, {}, 'Content-MD5'],
    [{ 'content-md5': 'x' }, {}, 'Content-MD5'],
  ])('%j %j is refused', async (headers, query, parameter) => {
    expect(await claims(headers, query)).toMatchObject({ status: 422, source: { parameter } })
  })
})

describe('metadata', () => {
  const secrets = {
    put: async () => '',
    get: async (prefix: string, kind: string, secret: string) =>
      `${prefix} ${kind} ${secret}` === 'p metadata s' ? '{"a":1}' : undefined,
  }
  const asked = { MetadataID: undefined, Metadata: undefined }

  test('are kept under a secret, or sent along', async () => {
    expect(await metadataOf('p', { ...asked, MetadataID: 's' }, secrets)).toEqual({ a: 1 })
    expect(await metadataOf('p', { ...asked, Metadata: '{"b":2}' }, secrets)).toEqual({ b: 2 })
    expect(await metadataOf('p', asked, secrets)).toBeUndefined()
  })

  test.each([
    ['p', { MetadataID: 'other' }, 'MetadataID'],
    ['q', { MetadataID: 's' }, 'MetadataID'],
    ['p', { Metadata: '{' }, 'Metadata'],
    ['p', { Metadata: '[]' }, 'Metadata'],
  ])('%s %j is refused', async (prefix, query, parameter) => {
    expect(metadataOf(prefix, { ...asked, ...query }, secrets)).rejects.toMatchObject({
      status: 422,
      source: { parameter },
    })
  })
})
