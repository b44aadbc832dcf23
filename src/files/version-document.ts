/** Versions as stored in `io.cozy.files.versions`. */
import type { StoredDocument } from '../../storage/documents/contract.ts'
import { filesDoctype } from '../../storage/files/contract.ts'
import { parseJson } from '../model/json/exact.ts'
import { isObject, type Json, type JsonObject } from '../model/json/value.ts'
import { formatRevision } from '../model/revision.ts'
import type { FileNode } from './node.ts'
import { type Act, made } from './provenance.ts'
import type { Version } from './service.ts'
import type { VersionAge } from './versioning.ts'

/** A version with what is needed to change it. */
export interface StoredVersion extends Version {
  /** To print: numbers as they were written. */
  readonly exact: JsonObject
}

/** Reads a stored version. Members of a wrong type read as empty. */
export function versionOf(document: Pick<StoredDocument, 'id' | 'gen' | 'hash' | 'text'>): StoredVersion {
  const { value, exact } = parseJson(document.text)
  const members = isObject(value) ? value : {}
  const slash = document.id.indexOf('/')
  const tags: Json = members['tags'] ?? []
  return {
    id: document.id,
    rev: formatRevision(document),
    fileId: document.id.slice(0, slash),
    internalId: document.id.slice(slash + 1),
    size: Number(members['size'] ?? 0),
    md5sum: textOf(members['md5sum']),
    tags: Array.isArray(tags) ? tags.filter((tag): tag is string => typeof tag === 'string') : [],
    value: members,
    exact: isObject(exact) ? exact : {},
  }
}

/** The document that keeps a file's current content as a version. */
export function versionOfFile(act: Act, file: FileNode): { readonly id: string; readonly value: JsonObject } {
  const { cozyMetadata, metadata } = file.exact
  const source = isObject(cozyMetadata) ? cozyMetadata : {}
  const uploaded = ['uploadedAt', 'uploadedOn', 'uploadedBy'].flatMap((name) => {
    const member = source[name]
    return member === undefined ? [] : [[name, member] as const]
  })
  return {
    id: versionId(file.id, file.internalId),
    value: {
      updated_at: file.updatedAt,
      size: String(file.size),
      md5sum: file.md5sum,
      tags: file.tags,
      ...(metadata === undefined ? {} : { metadata }),
      cozyMetadata: { ...made(act), ...Object.fromEntries(uploaded) },
      relationships: { file: { data: { _id: file.id, _type: filesDoctype } } },
    },
  }
}

export function versionId(fileId: string, internalId: string): string {
  return `${fileId}/${internalId}`
}

/** The input of the rules of versioning. */
export function ageOf(version: Version): VersionAge {
  const { cozyMetadata } = version.value
  const created = isObject(cozyMetadata) ? Date.parse(textOf(cozyMetadata['createdAt'])) : Number.NaN
  return {
    id: version.id,
    createdMs: Number.isNaN(created) ? Date.parse(textOf(version.value['updated_at'])) || 0 : created,
    tagged: version.tags.length > 0,
  }
}

export function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}
