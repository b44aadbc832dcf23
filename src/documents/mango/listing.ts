import type { IndexView } from '../../../storage/documents/contract.ts'
import type { JsonObject } from '../../model/json/value.ts'
import { parseDefinition } from './index-definition.ts'
import { selectorToJson } from './selector.ts'

/** The primary index in `GET _index` and `_explain`. */
export const primaryListing: JsonObject = {
  ddoc: null,
  name: '_all_docs',
  type: 'special',
  def: { fields: [{ _id: 'asc' }] },
}

/** An index in `GET _index` and `_explain`. */
export function listing(view: IndexView): JsonObject {
  const { fields, filter } = parseDefinition(view.definition)
  const def = { fields: fields.map(({ name, direction }) => Object.fromEntries([[name, direction]])) }
  return {
    ddoc: view.ddoc,
    name: view.name,
    type: 'json',
    partitioned: false,
    def: filter === undefined ? def : { ...def, partial_filter_selector: selectorToJson(filter) },
  }
}
