/** The checks of every file route before it touches a node: instance, token, permission. */
import { type Directory, type Node, rootId } from '../../src/files/node.ts'
import { fileNotFound } from '../../src/files/problems.ts'
import type { Drive } from '../../src/files/service.ts'
import type { Instance } from '../../src/instances/service.ts'
import { Problem } from '../../src/model/errors.ts'
import type { Json } from '../../src/model/json/value.ts'
import type { Permissions, Verb } from '../../src/model/permissions.ts'
import { filesDoctype } from '../../storage/files/contract.ts'
import type { HttpContext } from '../http/router.ts'
import { instanceOf, permissionsOf, tokenOf } from '../http/tenant.ts'
import type { FilesServices } from './services.ts'

/** A request that may continue: whose files it is about and what its token allows. */
export interface Visit {
  readonly instance: Instance
  readonly drive: Drive
  readonly permissions: Permissions
}

type EntryServices = Pick<FilesServices, 'instances' | 'driveOf'>

/** Enters with any valid token. Throws 404 for an unknown host, 401 without a token, 400 for a bad one. */
export async function enter(c: HttpContext, { instances, driveOf }: EntryServices): Promise<Visit> {
  const instance = await instanceOf(c, instances)
  const token = tokenOf(c)
  const permissions = await permissionsOf(instances, instance, token)
  return { instance, drive: await driveOf(instance, token), permissions }
}

/** Enters with a secret in the path instead of a token: the instance's files, for no one in particular. */
export async function enterPublic(
  c: HttpContext,
  { instances, driveOf }: EntryServices,
): Promise<Pick<Visit, 'instance' | 'drive'>> {
  const instance = await instanceOf(c, instances)
  return { instance, drive: await driveOf(instance, undefined) }
}

/** Throws 403 unless the token allows `verb` on at least some files: checked before the store is read. */
export function requireSome(visit: Visit, verb: Verb): void {
  if (!visit.permissions.allowsSome(verb, filesDoctype)) throw refused()
}

/** Throws 403 unless the token allows `verb` on all files. */
export function requireWhole(visit: Visit, verb: Verb, doctype: string = filesDoctype): void {
  if (!visit.permissions.allowsType(verb, doctype)) throw refused()
}

/**
 * Throws 403 unless the token allows `verb` on this node: by its id, by the id of a directory above it, or by an
 * attribute. Tokens for all files never make the store look for directories.
 */
export async function requireNode(
  visit: Visit,
  verb: Verb,
  node: Pick<Node, 'id' | 'dirId' | 'tags' | 'value'>,
  files: Above,
): Promise<void> {
  if (visit.permissions.allowsType(verb, filesDoctype)) return
  requireSome(visit, verb)
  if (allows(visit, verb, { ...node.value, _id: node.id }, node.tags) || allowsId(visit, verb, node.dirId)) return
  await requireAncestor(visit, verb, await files.ancestors(visit.drive, node.id), files)
}

/** The same for a node to be created in a directory. */
export async function requireNew(
  visit: Visit,
  verb: Verb,
  node: { readonly dirId: string; readonly tags?: readonly string[]; readonly value: Readonly<Record<string, Json>> },
  files: Above,
): Promise<void> {
  if (visit.permissions.allowsType(verb, filesDoctype)) return
  requireSome(visit, verb)
  if (allows(visit, verb, node.value, node.tags ?? []) || allowsId(visit, verb, node.dirId)) return
  await requireAncestor(visit, verb, [node.dirId, ...(await files.ancestors(visit.drive, node.dirId))], files)
}

export function refused(): Problem {
  return new Problem('forbidden', 'Forbidden')
}

/** A directory that a rule allows covers what lies below it; the root does so by its id only. */
async function requireAncestor(visit: Visit, verb: Verb, ids: readonly string[], files: Above): Promise<void> {
  if (ids.some((id) => allowsId(visit, verb, id))) return
  const directories = await files.nodes(
    visit.drive,
    ids.filter((id) => id !== rootId),
  )
  for (const { value, tags } of directories) if (allows(visit, verb, inherited(value), tags)) return
  throw refused()
}

type Above = Pick<FilesServices['files'], 'ancestors' | 'nodes'>

/** What rules may select by, besides the id. References of a directory are its own, not those of its contents. */
const selectors = ['type', 'name', 'mime', 'class', 'referenced_by'] as const

function inherited({ type = null, name = null }: Readonly<Record<string, Json>>): Readonly<Record<string, Json>> {
  return { type, name }
}

function allows(visit: Visit, verb: Verb, value: Readonly<Record<string, Json>>, tags: readonly string[]): boolean {
  const { permissions } = visit
  const selectable = Object.fromEntries(['_id', ...selectors].map((name) => [name, value[name] ?? null]))
  if (permissions.allowsDocument(verb, filesDoctype, selectable)) return true
  // A rule names one tag; a node has many.
  return tags.some((tags) => permissions.allowsDocument(verb, filesDoctype, { tags }))
}

function allowsId(visit: Visit, verb: Verb, id: string): boolean {
  return id !== '' && visit.permissions.allowsDocument(verb, filesDoctype, { _id: id })
}

type Reader = Pick<FilesServices['files'], 'node' | 'nodeAt' | 'nodes' | 'ancestors'>

/** The node with this id. Throws 404, or 403. */
export async function nodeFor(visit: Visit, verb: Verb, id: string, files: Reader): Promise<Node> {
  requireSome(visit, verb)
  return allowed(visit, verb, await files.node(visit.drive, id), files)
}

/** The node at this absolute path. Throws 400 for a relative path, 404, or 403. */
export async function nodeAtFor(visit: Visit, verb: Verb, path: string, files: Reader): Promise<Node> {
  requireSome(visit, verb)
  return allowed(visit, verb, await files.nodeAt(visit.drive, path), files)
}

/** Throws 400 for a file. */
export function asDirectory(node: Node): Directory {
  if (node.kind === 'directory') return node
  throw new Problem('bad_request', 'This is a file, not a directory')
}

async function allowed(visit: Visit, verb: Verb, node: Node | undefined, files: Reader): Promise<Node> {
  if (node === undefined) throw fileNotFound()
  await requireNode(visit, verb, node, files)
  return node
}
