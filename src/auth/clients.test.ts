import { expect, test } from 'bun:test'
import type { DocumentStore } from '../../storage/documents/contract.ts'
import type { Instance } from '../instances/service.ts'
import { openClients } from './clients.ts'

/** A store that holds one document. */
function holdingOne(): DocumentStore {
  let text = '{"client_name":"a"}'
  let gen = 1
  const store: Partial<DocumentStore> = {
    read: async () => ({ gen, hash: 'a', deleted: false, text, raw: false }) as never,
    async write([edit]) {
      text = edit?.body.text ?? '{}'
      gen += 1
      return [{ kind: 'ok', rev: { gen, hash: 'a' } }] as never
    },
  }
  return store as DocumentStore
}

test('a refresh token of a family that was forgotten is refused, and does not bring the family back', async () => {
  const instance = { prefix: 'p' } as Instance
  const clients = openClients(holdingOne())
  const use = (family: string, generation: number) => clients.useRefresh(instance, 'id', family, generation)
  expect(await use('first', 0)).toBe('ok')
  expect(await use('first', 1)).toBe('ok')
  expect(await use('first', 2)).toBe('ok')
  expect(await use('first', 1)).toBe('replayed')
  for (let n = 0; n < 50; n++) expect(await use(`family-${n}`, 0)).toBe('ok')
  expect(await use('first', 1)).toBe('gone')
  expect(await use('first', 2)).toBe('gone')
  expect(await use('family-49', 1)).toBe('ok')
})
