/** Rows of the feed as the files API sends them: some left out, documents with paths. */
import type { ChangesRow } from '../../src/documents/service.ts'
import { trashPath } from '../../src/files/node.ts'
import type { Drive } from '../../src/files/service.ts'
import { memberOf, type ParsedJson, parseJson, stringifyJson } from '../../src/model/json/exact.ts'
import { isObject, type Json, type JsonObject } from '../../src/model/json/value.ts'
import { type FieldTree, project } from '../http/projection.ts'
import { printedNode } from './printed-node.ts'
import type { FilesServices } from './services.ts'

export interface RowsWanted {
  /** With the documents. */
  readonly documents: boolean
  /** The part of a document that is sent; absent: all of it. */
  readonly fields: FieldTree | undefined
  /** With the full paths of files. */
  readonly paths: boolean
  /** Include destroyed nodes. */
  readonly deleted: boolean
  /** Include what is in the trash. */
  readonly trashed: boolean
}

interface Row {
  readonly members: JsonObject
  readonly document: ParsedJson | undefined
}

/** The rows as JSON text. Design documents are not files: they are left out. */
export async function changeRows(
  drive: Drive,
  rows: readonly ChangesRow[],
  wanted: RowsWanted,
  files: Pick<FilesServices['files'], 'paths'>,
): Promise<readonly string[]> {
  const kept = rows.map(({ text }) => parsed(text)).filter((row) => isKept(row, wanted))
  if (!wanted.documents) return kept.map(({ members: { doc: _, ...rest } }) => stringifyJson(rest))
  const paths = wanted.paths ? await pathsOf(drive, kept, files) : undefined
  return kept.map(({ members, document }) => {
    if (document === undefined) return stringifyJson(members)
    return stringifyJson({ ...members, doc: shown(document, wanted.fields, paths) })
  })
}

function parsed(text: string): Row {
  const row = parseJson(text)
  return { members: row.exact as JsonObject, document: memberOf(row, 'doc') }
}

function isKept({ members, document }: Row, wanted: RowsWanted): boolean {
  if (`${members['id']}`.startsWith('_design/')) return false
  if (members['deleted'] === true) return wanted.deleted
  return wanted.trashed || !isTrashed(document?.value)
}

function isTrashed(document: Json | undefined): boolean {
  if (!isObject(document)) return false
  const { trashed, path } = document
  return trashed === true || (typeof path === 'string' && path.startsWith(`${trashPath}/`))
}

function pathsOf(
  drive: Drive,
  rows: readonly Row[],
  files: Pick<FilesServices['files'], 'paths'>,
): Promise<ReadonlyMap<string, string>> {
  const nodes = rows
    .map(({ document }) => document?.value)
    .filter((document) => isObject(document) && document['type'] === 'file')
    .map((document) => printedNode(stringifyJson(document)))
  return files.paths(drive, nodes)
}

/** Id, revision and type are never left out: a document without them is useless. */
function shown(
  { value, exact }: ParsedJson,
  fields: FieldTree | undefined,
  paths: ReadonlyMap<string, string> | undefined,
): Json {
  if (!isObject(value) || !isObject(exact)) return exact
  const path = typeof value['_id'] === 'string' ? paths?.get(value['_id']) : undefined
  const whole = path === undefined ? { value, exact } : { value: { ...value, path }, exact: { ...exact, path } }
  if (fields === undefined) return whole.exact
  const always = { _id: true, _rev: true, _deleted: true, type: true } as const
  // A path needs the directory it is derived from.
  return project(whole, { ...fields, ...always, ...(path === undefined ? {} : { path: true, dir_id: true }) })
}
