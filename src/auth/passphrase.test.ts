import { expect, test } from 'bun:test'
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { defaultIterations } from '../instances/password.ts'
import type { Instance } from '../instances/service.ts'
import { iterationsOf } from './passphrase.ts'

/** A store that holds one document. */
const holding = (text: string) => {
  const read = async () => ({ gen: 1, hash: 'a', deleted: false, text })
  return { read } as unknown as Pick<DocumentStore, 'read'>
}

test.each([
  ['{"passphrase_kdf_iterations":10000}', 10_000],
  ['{"passphrase_kdf_iterations":5000000}', 5_000_000],
  ['{"passphrase_kdf_iterations":5000001}', defaultIterations],
  ['{"passphrase_kdf_iterations":2147483647}', defaultIterations],
  ['{"passphrase_kdf_iterations":1e300}', defaultIterations],
  ['{"passphrase_kdf_iterations":123456789012345678901}', defaultIterations],
  ['{"passphrase_kdf_iterations":1000.5}', defaultIterations],
  ['{"passphrase_kdf_iterations":-1}', defaultIterations],
  ['{"passphrase_kdf_iterations":"10000"}', defaultIterations],
  ['{}', defaultIterations],
])('the settings of a vault %s stand for %p rounds', async (text, expected) => {
  expect(await iterationsOf(holding(text), { prefix: 'p' } as Instance)).toBe(expected)
})
