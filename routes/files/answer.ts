/** Nodes as JSON-API objects: attributes as stored, references to others as relationships. */
import type { Directory, FileNode, Node } from '../../src/files/node.ts'
import type { Version } from '../../src/files/service.ts'
import { stringifyJson } from '../../src/model/json/exact.ts'
import { isObject, type Json, type JsonObject } from '../../src/model/json/value.ts'
import { filesDoctype, versionsDoctype } from '../../storage/files/contract.ts'
import { jsonText } from '../http/answer.ts'
import { type FieldTree, project } from '../http/projection.ts'
import type { HttpContext } from '../http/router.ts'

export const mediaType = 'application/vnd.api+json'

/** What is rendered in addition to a node. */
export interface NodeView {
  /** Adds the full path to a file; directories show theirs always. */
  readonly path?: string | undefined
  /** Of a file: named in the relationships where there are any. */
  readonly versions?: readonly Version[]
  /** Of a directory: the page of children that is sent along. */
  readonly contents?: ContentsView
  /** The secret of a file's thumbnails; absent: no links to them. */
  readonly thumbnails?: ((fileId: string) => string) | undefined
  /** The attributes asked for; absent: all. */
  readonly fields?: FieldTree | undefined
}

export interface ContentsView {
  readonly nodes: readonly Node[]
  readonly count: number
  /** Address of the page that follows. */
  readonly next?: string | undefined
}

/** Sends a JSON-API document. */
export function jsonApi(
  c: HttpContext,
  status: number,
  document: JsonObject,
  headers?: Readonly<Record<string, string>>,
): Response {
  return jsonText(c, status, stringifyJson(document), { 'content-type': mediaType, ...headers })
}

/** Sends one node, with its versions or children in `included` when the view has some. */
export function sendNode(
  c: HttpContext,
  status: 200 | 201,
  node: Node,
  view: NodeView = {},
  headers?: Readonly<Record<string, string>>,
): Response {
  const included = [
    ...(view.versions ?? []).map(versionObject),
    ...(view.contents?.nodes ?? []).map((child) => nodeObject(child, { thumbnails: view.thumbnails })),
  ]
  const next = view.contents?.next
  const document = {
    data: nodeObject(node, view),
    ...(included.length === 0 ? {} : { included }),
    ...(next === undefined ? {} : { links: { next } }),
  }
  return jsonApi(c, status, document, headers)
}

export function nodeObject(node: Node, view: NodeView = {}): JsonObject {
  return node.kind === 'directory' ? directoryObject(node, view) : fileObject(node, view)
}

function directoryObject(node: Directory, view: NodeView): JsonObject {
  const { not_synchronized_on = [] } = node.exact
  return {
    type: filesDoctype,
    id: node.id,
    attributes: shown(attributesOf(node), view),
    meta: { rev: node.rev },
    links: { self: selfOf(node) },
    relationships: {
      ...commonRelationships(node),
      ...(view.contents === undefined ? {} : { contents: contents(node, view.contents) }),
      not_synchronized_on: {
        links: { self: `${selfOf(node)}/relationships/not_synchronized_on` },
        data: not_synchronized_on,
      },
    },
  }
}

function fileObject(node: FileNode, view: NodeView): JsonObject {
  const attributes = attributesOf(node)
  const versions = view.versions ?? []
  return {
    type: filesDoctype,
    id: node.id,
    attributes: shown(view.path === undefined ? attributes : { ...attributes, path: view.path }, view),
    meta: { rev: node.rev },
    links: { self: selfOf(node), ...thumbnailLinks(node, view) },
    relationships: {
      ...commonRelationships(node),
      ...(versions.length === 0
        ? {}
        : { old_versions: { data: versions.map(({ id }) => ({ type: versionsDoctype, id })) } }),
    },
  }
}

export function versionObject(version: Version): JsonObject {
  const { relationships } = version.value
  return {
    type: versionsDoctype,
    id: version.id,
    attributes: version.value,
    meta: { rev: version.rev },
    links: { self: `/files/${version.id}` },
    relationships: isObject(relationships) ? relationships : {},
  }
}

/** Members that are shown elsewhere, or not at all. */
const hidden = new Set(['_id', '_rev', 'referenced_by', 'not_synchronized_on', 'internal_vfs_id'])

function attributesOf(node: Node): JsonObject {
  const attributes = Object.fromEntries(Object.entries(node.exact).filter(([name]) => !hidden.has(name)))
  if (node.kind === 'file' || node.referencedBy.length === 0) return attributes
  // Directories show their references twice, as cozy-stack does.
  return { ...attributes, referenced_by: node.referencedBy.map(({ type, id }) => ({ type, id })) }
}

/** Always included, whatever fields were asked for. A path needs the directory it is derived from. */
const always = { type: true, class: true, size: true, trashed: true } as const

function shown(attributes: JsonObject, { fields }: NodeView): JsonObject {
  if (fields === undefined) return attributes
  const withPath = fields['path'] === undefined ? {} : ({ dir_id: true } as const)
  const part = project({ value: attributes, exact: attributes }, { ...fields, ...always, ...withPath })
  return isObject(part) ? part : {}
}

function commonRelationships(node: Node): JsonObject {
  return {
    parent:
      node.dirId === ''
        ? {}
        : {
            links: { [node.kind === 'directory' ? 'self' : 'related']: `/files/${encodeURIComponent(node.dirId)}` },
            data: { type: filesDoctype, id: node.dirId },
          },
    referenced_by: {
      links: { self: `${selfOf(node)}/relationships/references` },
      data: node.referencedBy.map(({ type, id }) => ({ type, id })),
    },
  }
}

function contents(node: Directory, { nodes, count, next }: ContentsView): JsonObject {
  const self = `${selfOf(node)}/relationships/contents`
  return {
    meta: { count },
    links: next === undefined ? { self } : { self, next: self + next.slice(next.indexOf('?')) },
    data: nodes.map(({ id }) => ({ type: filesDoctype, id })),
  }
}

const thumbnailFormats = ['tiny', 'small', 'medium', 'large'] as const

function thumbnailLinks(node: FileNode, { thumbnails }: NodeView): Readonly<Record<string, Json>> {
  if (thumbnails === undefined || (node.class !== 'image' && node.class !== 'pdf')) return {}
  const base = `${selfOf(node)}/thumbnails/${thumbnails(node.id)}`
  return Object.fromEntries(thumbnailFormats.map((format) => [format, `${base}/${format}`]))
}

function selfOf(node: Node): string {
  return `/files/${encodeURIComponent(node.id)}`
}

/** Sends nodes as a JSON-API list. */
export function sendList(
  c: HttpContext,
  nodes: readonly Node[],
  {
    meta,
    next,
    thumbnails,
    paths,
    fields,
  }: {
    readonly meta: JsonObject
    /** Address of the page that follows. */
    readonly next?: string | undefined
    readonly thumbnails: NodeView['thumbnails']
    readonly fields?: NodeView['fields']
    /** Full paths by id, for files that are to show theirs. */
    readonly paths?: ReadonlyMap<string, string> | undefined
  },
): Response {
  const data = nodes.map((node) => nodeObject(node, { thumbnails, fields, path: paths?.get(node.id) }))
  return jsonApi(c, 200, { data, meta, links: next === undefined ? {} : { next } })
}
