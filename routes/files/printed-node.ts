import { type Node, nodeOf } from '../../src/files/node.ts'
import { parseJson } from '../../src/model/json/exact.ts'
import { isObject } from '../../src/model/json/value.ts'
import { parseRevision } from '../../src/model/revision.ts'

/** A node from a document as the document engine prints it, with `_id` and `_rev`. */
export function printedNode(text: string): Node {
  const { value } = parseJson(text)
  const { _id, _rev } = isObject(value) ? value : {}
  return nodeOf({ id: `${_id}`, ...parseRevision(_rev), text })
}
