/** Who created and changed a document, when and from where: its `cozyMetadata`. */
import { isObject, type Json, type JsonObject } from '../model/json/value.ts'
import type { Drive } from './service.ts'

/** Who acts on whose files, and when (ISO 8601). */
export interface Act {
  readonly drive: Drive
  readonly at: string
}

/** Of a new document. */
export function made(
  act: Act,
  source: { readonly account?: string | undefined; readonly id?: string | undefined } = {},
) {
  const { drive, at } = act
  const { app } = drive.actor
  return {
    doctypeVersion: '1',
    metadataVersion: 1,
    createdAt: at,
    updatedAt: at,
    createdOn: drive.pageUrl,
    ...(app === undefined ? {} : { createdByApp: app.slug, updatedByApps: updatedByApps(undefined, act) }),
    ...(app?.version === undefined ? {} : { createdByAppVersion: app.version }),
    ...(source.account ? { sourceAccount: source.account } : {}),
    ...(source.id ? { sourceAccountIdentifier: source.id } : {}),
  } satisfies JsonObject
}

/** For a changed document: every write records its time. */
export function changed(before: Json | undefined, act: Act): JsonObject {
  const kept = isObject(before) ? before : made(act)
  const { app } = act.drive.actor
  return {
    ...kept,
    updatedAt: act.at,
    ...(app === undefined ? {} : { updatedByApps: updatedByApps(kept['updatedByApps'], act) }),
  }
}

/** Members that say where content came from. */
export function uploaded({ drive, at }: Act): JsonObject {
  const { app, client } = drive.actor
  const by: JsonObject = {
    ...(app === undefined ? {} : { slug: app.slug }),
    ...(app?.version === undefined ? {} : { version: app.version }),
    ...(client === undefined ? {} : { oauthClient: { ...client } }),
  }
  return {
    uploadedAt: at,
    uploadedOn: drive.pageUrl,
    ...(Object.keys(by).length === 0 ? {} : { uploadedBy: by }),
  }
}

/** One entry for each application and instance, the newest last. */
function updatedByApps(before: Json | undefined, { drive, at }: Act): readonly Json[] {
  const { app } = drive.actor
  const entries: readonly Json[] = Array.isArray(before) ? before : []
  if (app === undefined) return entries
  const others = entries.filter(
    (entry) => !isObject(entry) || entry['slug'] !== app.slug || entry['instance'] !== drive.pageUrl,
  )
  const version = app.version === undefined ? {} : { version: app.version }
  return [...others, { slug: app.slug, ...version, date: at, instance: drive.pageUrl }]
}
