/** What a PATCH asks for: JSON-API attributes of a directory or file. */
import type { NodeChanges } from '../../src/files/service.ts'
import { isObject, type Json, type JsonObject } from '../../src/model/json/value.ts'
import { badBody, invalidParameter } from './errors.ts'
import { distinct, readDate } from './request.ts'

export type Patch =
  | { readonly kind: 'trash' }
  | { readonly kind: 'destroy' }
  /** Neither attributes nor a parent. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'change'; readonly changes: NodeChanges }

/** Reads the `data` of a request. Throws `bad_request` when it is malformed. */
export function patchOf(data: Json): Patch {
  if (!isObject(data)) throw badBody()
  const { attributes = null, relationships = null } = data
  if (attributes !== null && !isObject(attributes)) throw badBody()
  const parent = parentOf(relationships)
  if (attributes === null && parent === undefined) return { kind: 'nothing' }
  const members = attributes ?? {}
  if (flagOf(members, 'permanent_delete') === true) return { kind: 'destroy' }
  if (flagOf(members, 'move_to_trash') === true) return { kind: 'trash' }
  return { kind: 'change', changes: changesOf(members, parent) }
}

/** Members that the request does not change are left out; unknown ones are ignored. */
function changesOf(members: JsonObject, parent: string | undefined): NodeChanges {
  const about = objectOf(members, 'cozyMetadata')
  return {
    name: textOf(members, 'name'),
    dirId: textOf(members, 'dir_id') ?? parent,
    tags: tagsOf(members),
    updatedAt: dateOf(members, 'updated_at'),
    executable: flagOf(members, 'executable'),
    encrypted: flagOf(members, 'encrypted'),
    // The class follows from the type, whatever a client says.
    reclassify: textOf(members, 'class') === undefined ? undefined : true,
    metadata: objectOf(members, 'metadata'),
    favorite: about === undefined ? undefined : flagOf(about, 'favorite'),
  }
}

function parentOf(relationships: Json): string | undefined {
  if (relationships === null) return undefined
  const parent = isObject(relationships) ? relationships['parent'] : null
  if (parent === undefined) return undefined
  const data = isObject(parent) ? parent['data'] : undefined
  if (isObject(data) && typeof data['id'] === 'string') return data['id']
  throw badBody()
}

/** `null` counts as not given, as it does for the original. */
function memberOf(members: JsonObject, name: string): Json | undefined {
  return members[name] ?? undefined
}

function textOf(members: JsonObject, name: string): string | undefined {
  const value = memberOf(members, name)
  if (value === undefined || typeof value === 'string') return value
  throw badBody()
}

function flagOf(members: JsonObject, name: string): boolean | undefined {
  const value = memberOf(members, name)
  if (value === undefined || typeof value === 'boolean') return value
  throw badBody()
}

function objectOf(members: JsonObject, name: string): JsonObject | undefined {
  const value = memberOf(members, name)
  if (value === undefined || isObject(value)) return value
  throw badBody()
}

function tagsOf(members: JsonObject): readonly string[] | undefined {
  const value = memberOf(members, 'tags')
  if (value === undefined) return undefined
  if (Array.isArray(value) && value.every((tag) => typeof tag === 'string')) return distinct(value)
  throw badBody()
}

function dateOf(members: JsonObject, name: string): string | undefined {
  const text = textOf(members, name)
  if (text === undefined) return undefined
  const date = readDate(text)
  if (date === undefined) throw invalidParameter('UpdatedAt', 'Invalid time given')
  return date
}
