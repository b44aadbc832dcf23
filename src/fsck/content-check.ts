/** The second phase, from the documents to the objects: does every content exist and is it what its document says? */
import type { StoredDocument } from '../../storage/documents/contract.ts'
import type { ObjectStore } from '../../storage/objects/contract.ts'
import { tenantPrefix } from '../model/object-name.ts'
import { type Content, contentOfFile, contentOfVersion, inspect, type Verdict } from './content.ts'
import type { CheckedDocuments } from './documents.ts'
import { type Finding, fileDocument, type Mismatch, versionDocument } from './finding.ts'
import { pathsOf } from './index-check.ts'

export type CheckedObjects = Pick<ObjectStore, 'list' | 'stat' | 'get' | 'ping'>

export interface ContentCheck {
  readonly documents: CheckedDocuments
  readonly objects: CheckedObjects
  readonly prefix: string
  /** Read all bytes, instead of trusting what the store recorded. */
  readonly hash: boolean
  readonly signal: AbortSignal
}

/** Questions to the object store at a time; reading contents is bound by the disk or the network. */
const questions = 16
const readers = 2
/** Content that keeps being replaced during the check is left to the next one. */
const attempts = 3

/** Content that differs from its document. */
export interface BadContent {
  readonly content: Content
  readonly verdict: Exclude<Verdict, 'fine'>
}

/** `filesystem_missing` and `content_mismatch`. Throws `no_database`. */
export async function* checkContents(check: ContentCheck): AsyncGenerator<Finding, void> {
  for await (const bad of badFiles(check)) {
    const nodes = bad.flatMap(({ content: { node } }) => node ?? [])
    const pathOf = await pathsOf(check.documents, nodes)
    for (const { content, verdict } of bad) {
      const { stored, node } = content
      const file_doc = fileDocument(stored, node ? { path: pathOf(node) } : {})
      yield { ...typeOf(verdict), file_doc, is_file: true, is_version: false, ...detailOf(verdict) }
    }
  }
  for await (const page of check.documents.versions()) {
    for (const { content, verdict } of await badOf(check, page, contentOfVersion, check.documents.versionsNow)) {
      const version_doc = versionDocument(content.stored)
      yield { ...typeOf(verdict), version_doc, is_file: false, is_version: true, ...detailOf(verdict) }
    }
  }
}

/** Current contents of files that differ from their documents, a page at a time. Throws `no_database`. */
export async function* badFiles(check: ContentCheck): AsyncGenerator<readonly BadContent[], void> {
  for await (const page of check.documents.files()) {
    const bad = await badOf(check, page, contentOfFile, check.documents.filesNow)
    if (bad.length > 0) yield bad
  }
}

/** Those that are bad and whose documents did not change during the check. */
async function badOf(
  check: ContentCheck,
  page: readonly StoredDocument[],
  contentOf: (stored: StoredDocument) => Content | undefined,
  now: CheckedDocuments['filesNow'],
): Promise<readonly BadContent[]> {
  const bad: BadContent[] = []
  let suspects = page
  for (let attempt = 0; attempt < attempts && suspects.length > 0; attempt++) {
    const contents = suspects.flatMap((stored) => contentOf(stored) ?? [])
    const found = await inspected(check, contents)
    const ids = found.map(({ content }) => content.stored.id)
    const current = await now(ids, true)
    const isSame = ({ content }: BadContent) => current.get(content.stored.id)?.seq === content.stored.seq
    bad.push(...found.filter(isSame))
    suspects = found.filter((one) => !isSame(one)).flatMap(({ content }) => current.get(content.stored.id) ?? [])
  }
  return bad
}

async function inspected(
  { objects, prefix, hash, signal }: ContentCheck,
  contents: readonly Content[],
): Promise<readonly BadContent[]> {
  const width = hash ? readers : questions
  const bad: BadContent[] = []
  for (let at = 0; at < contents.length; at += width) {
    signal.throwIfAborted()
    const some = contents.slice(at, at + width)
    const verdicts = await Promise.all(
      some.map((content) => inspect(objects, tenantPrefix(prefix) + content.name, content, { hash, signal })),
    )
    for (const [index, verdict] of verdicts.entries()) {
      const content = some[index]
      if (content && verdict !== 'fine') bad.push({ content, verdict })
    }
  }
  return bad
}

function typeOf(verdict: 'missing' | Mismatch): Pick<Finding, 'type'> {
  return { type: verdict === 'missing' ? 'filesystem_missing' : 'content_mismatch' }
}

function detailOf(verdict: 'missing' | Mismatch): Pick<Finding, 'content_mismatch'> {
  return verdict === 'missing' ? {} : { content_mismatch: verdict }
}
