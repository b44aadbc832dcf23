/** A store in which accounts are kept with their secrets sealed, whoever writes them and however. */
import type { Body, DatabaseRef, DocumentStore } from '../../storage/documents/contract.ts'
import { partsOf, withStubs } from '../attachments/stubs.ts'
import { makeBody, type ObjectBody } from '../model/body.ts'
import { parseJson, stringifyJson } from '../model/json/exact.ts'
import { isObject } from '../model/json/value.ts'
import { accountContext, accountsDoctype, sealAccount } from './accounts.ts'
import type { Secrets } from './secrets.ts'

/** The same store, except that it seals what is written to accounts. */
export function sealStore<Store extends Pick<DocumentStore, 'write' | 'replicate'>>(
  store: Store,
  secrets: Secrets,
): Store {
  return {
    ...store,
    write(edits, options) {
      if (!edits.some(({ ref }) => ref.name === accountsDoctype)) return store.write(edits, options)
      const sealed = edits.map((edit) => ({ ...edit, body: sealBody(edit.ref, edit.id, edit.body, secrets) }))
      return store.write(sealed, options)
    },
    replicate(ref, revisions) {
      if (ref.name !== accountsDoctype) return store.replicate(ref, revisions)
      const sealed = revisions.map((one) => ({ ...one, body: sealBody(ref, one.id, one.body, secrets) }))
      return store.replicate(ref, sealed)
    },
  }
}

/** The body with the secrets of an account sealed; the very same when it is not an account or has none. */
export function sealBody<Given extends Body>(
  ref: DatabaseRef,
  id: string,
  body: Given,
  secrets: Secrets,
): Given | ObjectBody {
  if (ref.name !== accountsDoctype || id.startsWith('_design/')) return body
  const { members, stubs } = partsOf(body.text)
  if (!isObject(members.exact)) return body
  const sealed = sealAccount(members.exact, secrets, accountContext(ref.prefix))
  if (sealed === members.exact) return body
  const text = stringifyJson(sealed)
  const { value } = parseJson(text)
  return withStubs(makeBody(id, isObject(value) ? value : {}, text, Number.POSITIVE_INFINITY), stubs)
}

/** The text of a stored account with its secrets sealed; `undefined` when it has none in plain text. */
export function sealText(ref: DatabaseRef, id: string, text: string, secrets: Secrets): ObjectBody | undefined {
  const body = { text, raw: false, digest: '', value: {} }
  const sealed = sealBody(ref, id, body, secrets)
  return sealed === body ? undefined : sealed
}
