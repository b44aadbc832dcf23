/** What the server adds to an account that is written under `/data`, as cozy-stack does. */
import type { Actor } from '../instances/actor.ts'
import { makeBody } from '../model/body.ts'
import { parseJson, stringifyJson } from '../model/json/exact.ts'
import { isObject, type Json, type JsonObject } from '../model/json/value.ts'
import { isSecretName } from '../secrets/accounts.ts'
import type { PreparedDocument } from './document.ts'

export interface AccountAct {
  readonly create: boolean
  readonly actor: Actor
  /** ISO 8601. */
  readonly at: string
}

/**
 * The account with its `cozyMetadata`; a new one is also named after the member of `auth` that says who it is, `login`
 * unless `identifier` names another. Members that are secret give no name.
 */
export function completeAccount(document: PreparedDocument, act: AccountAct, maxBytes: number): PreparedDocument {
  const { exact } = parseJson(document.body.text)
  if (!isObject(exact) || document.deleted) return document
  const given = exact['cozyMetadata']
  const name = act.create ? nameOf(exact) : undefined
  const members: JsonObject = {
    ...exact,
    ...(name === undefined ? {} : { name }),
    ...(isObject(given) && !act.create
      ? {}
      : { cozyMetadata: { ...metadataOf(act), ...(isObject(given) ? given : {}) } }),
  }
  const text = stringifyJson(members)
  const { value } = parseJson(text)
  return { ...document, body: makeBody(document.id, isObject(value) ? value : {}, text, maxBytes) }
}

function nameOf({ auth, identifier }: JsonObject): Json | undefined {
  if (!isObject(auth)) return undefined
  const member = typeof identifier === 'string' && identifier !== '' ? identifier : 'login'
  const name = Object.hasOwn(auth, member) && !isSecretName(member) ? auth[member] : undefined
  return typeof name === 'string' ? name : undefined
}

function metadataOf({ actor: { app }, at }: AccountAct): JsonObject {
  const version = app?.version === undefined ? {} : { version: app.version }
  return {
    doctypeVersion: '',
    metadataVersion: 1,
    createdAt: at,
    updatedAt: at,
    ...(app === undefined ? {} : { createdByApp: app.slug, updatedByApps: [{ slug: app.slug, ...version, date: at }] }),
    ...(app?.version === undefined ? {} : { createdByAppVersion: app.version }),
  }
}
