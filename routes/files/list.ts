import type { Node } from '../../src/files/node.ts'
import type { JsonObject } from '../../src/model/json/value.ts'
import type { HttpContext } from '../http/router.ts'
import { jsonApi, type NodeView, nodeObject } from './json-api.ts'

/** Sends nodes as a JSON-API list (files 4.1). */
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
