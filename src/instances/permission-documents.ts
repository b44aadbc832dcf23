/** Rights that are kept as documents of the instance: those of applications and of shared links. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { isObject, type Json, type JsonObject } from '../model/json/value.ts'
import { orWithoutDatabase } from '../model/no-database.ts'
import { scanPage } from '../model/page-limits.ts'
import type { Permissions } from '../model/permissions.ts'
import { grant, nothing } from '../permissions/granted.ts'
import { type Rule, ruleFromJson } from '../permissions/rule.ts'
import type { Audience } from './audience.ts'
import { membersOf } from './own-documents.ts'

type Reader = Pick<DocumentStore, 'scanIds'>

/** The rights of an application: none when it has no permission document. */
export async function permissionsOfApp(
  store: Reader,
  prefix: string,
  kind: 'apps' | 'konnectors',
  slug: string,
  audience: Audience,
): Promise<Permissions> {
  const source = `io.cozy.${kind}/${slug}`
  return grantOf(
    await findPermission(store, prefix, (document) => document['source_id'] === source && document['type'] !== 'share'),
    audience,
  )
}

/** The rights of a shared link, found by its token; `undefined` when the link was withdrawn or has expired. */
export async function permissionsOfShare(
  store: Reader,
  prefix: string,
  token: string,
  nowMs: number,
): Promise<Permissions | undefined> {
  const found = await findPermission(store, prefix, (document) => {
    const codes = document['codes']
    return document['type'] === 'share' && isObject(codes) && Object.values(codes).includes(token)
  })
  if (found === undefined) return undefined
  const ends = found['expires_at']
  return typeof ends === 'string' && Date.parse(ends) <= nowMs ? undefined : grantOf(found, 'share')
}

/** A rule that cannot be read grants nothing. */
function grantOf(document: JsonObject | undefined, audience: Audience): Permissions {
  const rules: Json | undefined = document?.['permissions']
  if (!isObject(rules)) return nothing
  return grant(
    Object.values(rules)
      .map(ruleFromJson)
      .filter((rule): rule is Rule => rule !== undefined),
    audience,
  )
}

async function findPermission(
  store: Reader,
  prefix: string,
  matches: (document: JsonObject) => boolean,
): Promise<JsonObject | undefined> {
  const ref = { prefix, name: 'io.cozy.permissions' }
  let after: string | undefined
  for (;;) {
    const start = after === undefined ? undefined : { id: after, inclusive: false }
    const range = { start, descending: false, skip: 0, limit: scanPage, designs: 'none', bodies: true } as const
    const page = await orWithoutDatabase(store.scanIds(ref, range), [])
    for (const { text } of page) {
      const document = membersOf(text)
      if (matches(document)) return document
    }
    after = page.at(-1)?.id
    if (page.length < scanPage || after === undefined) return undefined
  }
}
