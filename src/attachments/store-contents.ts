/**
 * From attachments as a client sent them to those that are stored: contents are uploaded, and unchanged ones are looked
 * up in earlier revisions. All of this happens before the document is written.
 */
import type { DatabaseRef, DocumentStore, RevisionId, RevisionTree } from '../../storage/documents/contract.ts'
import { Problem } from '../model/errors.ts'
import { formatRevision, sameRevision } from '../model/revision.ts'
import type { Contents } from './contents.ts'
import type { InlineAttachment, SentAttachment, StubAttachment } from './parse.ts'
import { noStubs, type Stub, type Stubs, stubsOf } from './stubs.ts'

type Store = Pick<DocumentStore, 'readMany' | 'readRevisions' | 'readTrees'>

/** An edit of a document with attachments. */
export interface EditAttachments {
  readonly id: string
  /** The revision that the client read. */
  readonly rev: RevisionId | undefined
  readonly attachments: readonly SentAttachment[]
  /** A revision given for an unknown document is an error rather than the beginning of one. */
  readonly refuseUnknown: boolean
}

/** A revision with attachments as replication brings it. `path` is newest first. */
export interface RevisionAttachments {
  readonly id: string
  readonly gen: number
  readonly path: readonly string[]
  readonly attachments: readonly SentAttachment[]
}

/** Errors of an edit that do not concern its attachments; the store would report the same. */
export type Refusal = 'conflict' | 'missing' | 'deleted'

/**
 * The attachments of each edit, with all contents stored and leased. Throws `missing_stub` when a stub names one that the
 * previous revision does not have; nothing is uploaded then.
 */
export async function storeEditContents(
  store: Store,
  contents: Contents,
  ref: DatabaseRef,
  edits: readonly EditAttachments[],
): Promise<readonly (Stubs | Refusal)[]> {
  const parents = await parentsOf(store, ref, edits)
  const resolved = edits.map((edit, at): Stubs | Refusal => {
    const parent = parents[at] ?? noStubs
    if (typeof parent === 'string') return parent
    const revpos = (edit.rev?.gen ?? 0) + 1
    return collect(edit, (sent) => {
      if (sent.kind !== 'stub') return { ...sent.content, contentType: sent.contentType, revpos }
      const kept = parent.get(sent.name)
      return kept && (sent.revpos === undefined || sent.revpos === kept.revpos) ? kept : undefined
    })
  })
  const wanted = edits.filter((_, at) => typeof resolved[at] !== 'string')
  await contents.putAll(ref, inlineOf(wanted))
  return resolved
}

/** The same for revisions that are stored as they are. Those whose body is already known are skipped. */
export async function storeRevisionContents(
  store: Store,
  contents: Contents,
  ref: DatabaseRef,
  revisions: readonly RevisionAttachments[],
): Promise<readonly Stubs[]> {
  const withStub = revisions.filter(hasStub)
  const trees: ReadonlyMap<string, RevisionTree> =
    withStub.length === 0 ? new Map() : await store.readTrees(ref, [...new Set(withStub.map(({ id }) => id))])
  const resolved: Stubs[] = []
  const kept: Stub[] = []
  for (const revision of revisions) {
    const known = hasStub(revision) ? trees.get(revision.id) : undefined
    const rev = { gen: revision.gen, hash: revision.path[0] ?? '' }
    if (known?.nodes.some((node) => sameRevision(node, rev) && node.hasBody)) {
      resolved.push(noStubs)
      continue
    }
    const older = known ? await olderStubs(store, ref, revision, known) : []
    resolved.push(
      collect(revision, (sent) => {
        if (sent.kind !== 'stub') {
          return { ...sent.content, contentType: sent.contentType, revpos: sent.revpos ?? revision.gen }
        }
        const found = keptStub(sent, older)
        if (found) kept.push(found)
        return found
      }),
    )
  }
  const wanted = revisions.filter((_, at) => resolved[at] !== noStubs)
  await contents.putAll(ref, inlineOf(wanted))
  // The revisions they come from may be compacted before they are written.
  const held = await contents.hold(ref, kept)
  if (held.includes(false))
    throw new Problem('missing_stub', 'An attachment that was to be kept has been deleted in the meantime.')
  return resolved
}

/** Whether any of its attachments is a stub. */
function hasStub({ attachments }: { readonly attachments: readonly SentAttachment[] }): boolean {
  return attachments.some(({ kind }) => kind === 'stub')
}

type ArrivedAttachment = Exclude<SentAttachment, { readonly kind: 'follows' }>

function collect(
  { id, attachments }: { readonly id: string; readonly attachments: readonly SentAttachment[] },
  resolve: (sent: ArrivedAttachment) => Stub | undefined,
): Stubs {
  return new Map(
    attachments.map((sent): [string, Stub] => {
      if (sent.kind === 'follows') {
        throw new Problem('bad_request', `Attachment ${sent.name} is to follow, but the body is not multipart/related.`)
      }
      const stub = resolve(sent)
      if (!stub) throw new Problem('missing_stub', `Invalid attachment stub in ${id} for ${sent.name}`)
      return [sent.name, stub]
    }),
  )
}

function inlineOf(documents: readonly { readonly attachments: readonly SentAttachment[] }[]): InlineAttachment[] {
  return documents.flatMap(({ attachments }) => attachments.filter((sent) => sent.kind === 'inline'))
}

/** The attachments of the previous revision, where an edit needs them. */
async function parentsOf(
  store: Store,
  ref: DatabaseRef,
  edits: readonly EditAttachments[],
): Promise<readonly (Stubs | Refusal | undefined)[]> {
  const needed = edits.flatMap((edit, at) => (hasStub(edit) ? [{ ...edit, at }] : []))
  if (needed.length === 0) return []
  const parents: (Stubs | Refusal | undefined)[] = []
  const named = needed.flatMap(({ id, rev, at }) => (rev ? [{ at, revision: { id, ...rev } }] : []))
  const read = await store.readRevisions(
    ref,
    named.map(({ revision }) => revision),
  )
  for (const [n, { at }] of named.entries()) {
    const found = read[n]
    if (found && !found.deleted) parents[at] = stubsOf(found.text)
  }
  const unknown = needed.filter(({ at }) => parents[at] === undefined)
  if (unknown.length === 0) return parents
  const ids = unknown.map(({ id }) => id)
  const winners = new Map((await store.readMany(ref, ids, false)).map((winner) => [winner.id, winner]))
  for (const { id, rev, refuseUnknown, at } of unknown) {
    const winner = winners.get(id)
    // Without an earlier revision the stub itself is the error.
    if (winner && !winner.deleted) parents[at] = 'conflict'
    else if (winner && rev) parents[at] = 'deleted'
    else parents[at] = rev && refuseUnknown ? 'missing' : noStubs
  }
  return parents
}

/** Attachments of older revisions of a document, the nearest ancestor first, then the others. */
async function olderStubs(
  store: Store,
  ref: DatabaseRef,
  { id, gen, path }: RevisionAttachments,
  { nodes }: RevisionTree,
): Promise<readonly { readonly stubs: Stubs; readonly isParent: boolean }[]> {
  const ancestors = new Map(path.map((hash, at) => [formatRevision({ gen: gen - at, hash }), at]))
  const placed = nodes
    .filter(({ hasBody }) => hasBody)
    .map((node) => ({ node, distance: ancestors.get(formatRevision(node)) ?? Number.POSITIVE_INFINITY }))
    .sort((a, b) => a.distance - b.distance)
  const read = await store.readRevisions(
    ref,
    placed.map(({ node }) => ({ id, gen: node.gen, hash: node.hash })),
  )
  return read.flatMap((found, at) =>
    found ? [{ stubs: stubsOf(found.text), isParent: at === 0 && Number.isFinite(placed[at]?.distance) }] : [],
  )
}

/**
 * CouchDB takes it from the nearest ancestor, by name. A revision may also come on a branch of its own, from where only
 * its digest is known.
 */
function keptStub(
  { name, revpos, digest }: StubAttachment,
  older: readonly { readonly stubs: Stubs; readonly isParent: boolean }[],
): Stub | undefined {
  const [nearest] = older
  const byName = nearest?.isParent ? nearest.stubs.get(name) : undefined
  if (byName && (revpos === undefined || revpos === byName.revpos || digest === byName.digest)) return byName
  if (digest === undefined) return undefined
  const all = older.flatMap(({ stubs }) => [...stubs].filter(([, stub]) => stub.digest === digest))
  const [, found] = all.find(([other]) => other === name) ?? all[0] ?? []
  return found && { ...found, revpos: revpos ?? found.revpos }
}
