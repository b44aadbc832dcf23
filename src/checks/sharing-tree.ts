/** Whether the files of a sharing are the same at its owner's and at a member's on this server. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { quotaOf } from '../files/drive.ts'
import { type OwnDocument, revText, scanDocuments } from '../instances/own-documents.ts'
import type { Instance } from '../instances/service.ts'
import { isObject, type JsonObject } from '../model/json/value.ts'
import type { CheckFinding } from './finding.ts'
import { xorId } from './sharing.ts'

/** What changed less than this many milliseconds ago may still be on its way. */
const settlingMs = 5 * 60_000

/** Files and directories of one instance, read once. */
export interface FilesOf {
  readonly instance: Instance
  readonly byId: ReadonlyMap<string, OwnDocument>
  /** The root and all below it; `undefined` when there is no such file or directory. */
  below(rootId: string): readonly OwnDocument[] | undefined
  /** Bytes that are free; infinite without a quota. */
  readonly room: number
}

export async function readFilesOf(store: Pick<DocumentStore, 'scanIds'>, instance: Instance): Promise<FilesOf> {
  const byId = new Map<string, OwnDocument>()
  const children = new Map<string, OwnDocument[]>()
  let used = 0
  for await (const document of scanDocuments(store, { prefix: instance.prefix, name: 'io.cozy.files' })) {
    byId.set(document.id, document)
    used += sizeOf(document)
    const parent = String(document.value['dir_id'] ?? '')
    const siblings = children.get(parent)
    if (siblings === undefined) children.set(parent, [document])
    else siblings.push(document)
  }
  const quota = quotaOf(instance.document['disk_quota'])
  return {
    instance,
    byId,
    room: quota === undefined ? Number.POSITIVE_INFINITY : quota - used,
    below(rootId) {
      const root = byId.get(rootId)
      if (root === undefined) return undefined
      const found = new Map([[rootId, root]])
      // A map grows while it is walked: everything below is reached, and a cycle ends.
      for (const id of found.keys()) for (const child of children.get(id) ?? []) found.set(child.id, child)
      return [...found.values()]
    },
  }
}

export interface Comparison {
  readonly sharingId: string
  readonly owner: FilesOf
  readonly ownerRoot: string
  readonly member: FilesOf
  readonly memberRoot: string
  readonly readOnly: boolean
  readonly key: Uint8Array
  readonly now: number
}

/** Differences between the two trees. The shared directory itself is not compared. */
export function compareTrees(comparison: Comparison): CheckFinding[] {
  const { sharingId: id, owner, ownerRoot, member, memberRoot, readOnly, key, now } = comparison
  const [ownerDomain, memberDomain] = [owner.instance.domain, member.instance.domain]
  const isSettling = (document: OwnDocument) => now - updatedAt(document) < settlingMs
  const isComparable = (document: OwnDocument, root: string) => document.id !== root || isFile(document)
  const ownerDocs = (owner.below(ownerRoot) ?? []).filter((document) => isComparable(document, ownerRoot))
  const memberDocs = (member.below(memberRoot) ?? []).filter((document) => isComparable(document, memberRoot))
  const atMember = new Map(memberDocs.map((document) => [document.id, document]))
  const idAtMember = (document: OwnDocument) => (document.id === ownerRoot ? memberRoot : xorId(document.id, key))
  const found: CheckFinding[] = []
  const matched = new Set<string>()
  let memberIsFull = false

  for (const mine of ownerDocs) {
    const theirs = atMember.get(idAtMember(mine))
    if (theirs === undefined) {
      if (isSettling(mine)) continue
      if (isFile(mine) && sizeOf(mine) > member.room) {
        if (!memberIsFull) found.push(full(id, memberDomain, mine))
        memberIsFull = true
      } else {
        const ownerDoc = documentOf(mine)
        found.push({
          type: 'missing_matching_doc_for_member',
          id,
          member: memberDomain,
          missing: ownerDoc,
          ownerDoc,
          ownerDocID: mine.id,
        })
      }
      continue
    }
    matched.add(theirs.id)
    found.push(...compareDocuments(mine, theirs))
  }

  for (const theirs of memberDocs) {
    if (matched.has(theirs.id) || isSettling(theirs)) continue
    if (readOnly) found.push({ type: 'read_only_member', id, member: memberDomain })
    else if (isFile(theirs) && sizeOf(theirs) > owner.room) found.push(full(id, ownerDomain, theirs))
    else {
      const memberDoc = documentOf(theirs)
      found.push({ type: 'missing_matching_doc_for_owner', id, member: memberDomain, missing: memberDoc, memberDoc })
    }
  }
  return found

  function compareDocuments(mine: OwnDocument, theirs: OwnDocument): CheckFinding[] {
    const common = { id, member: memberDomain, memberRev: revText(theirs), memberID: theirs.id }
    if (revText(mine) !== revText(theirs)) {
      if (isSettling(mine) || isSettling(theirs)) return []
      const memberIsAhead = theirs.gen > mine.gen
      if (memberIsAhead && readOnly) return [{ type: 'read_only_member', id, member: memberDomain }]
      const behind = memberIsAhead ? owner : member
      const newer = memberIsAhead ? theirs : mine
      if (theirs.gen !== mine.gen && isFile(newer) && sizeOf(newer) > behind.room) {
        return [full(id, behind.instance.domain, newer)]
      }
      return [{ type: 'invalid_doc_rev', ...common, ownerDoc: documentOf(mine) }]
    }
    const ownerDoc = documentOf(mine)
    const different = (name: string) => mine.value[name] !== theirs.value[name]
    const text = (name: string) => String(theirs.value[name] ?? '')
    const isRoot = mine.id === ownerRoot
    return [
      ...(different('name') ? [{ type: 'invalid_doc_name', ...common, ownerDoc, memberName: text('name') }] : []),
      ...(isFile(mine) && different('md5sum')
        ? [{ type: 'invalid_doc_checksum', ...common, ownerDoc, memberChecksum: text('md5sum') }]
        : []),
      ...(!isRoot && !hasSameParent(mine, theirs)
        ? [{ type: 'invalid_doc_parent', ...common, ownerDoc, memberParent: text('dir_id') }]
        : []),
    ]
  }

  function hasSameParent(mine: OwnDocument, theirs: OwnDocument): boolean {
    return xorId(String(theirs.value['dir_id'] ?? ''), key) === mine.value['dir_id']
  }
}

function full(id: string, instance: string, document: OwnDocument): CheckFinding {
  return { type: 'disk_quota_exceeded', id, instance, file: documentOf(document) }
}

function documentOf(document: OwnDocument): JsonObject {
  return { _id: document.id, _rev: revText(document), ...document.value }
}

function isFile({ value }: OwnDocument): boolean {
  return value['type'] === 'file'
}

function sizeOf({ value }: OwnDocument): number {
  const size = Number(value['size'] ?? 0)
  return value['type'] === 'file' && Number.isFinite(size) ? size : 0
}

function updatedAt({ value }: OwnDocument): number {
  const metadata = value['cozyMetadata']
  const time = Date.parse(String(isObject(metadata) ? metadata['updatedAt'] : ''))
  return Number.isNaN(time) ? 0 : time
}
