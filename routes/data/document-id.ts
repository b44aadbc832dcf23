import { checkDocumentId } from '../../src/documents/document.ts'
import { Problem } from '../../src/errors.ts'

/**
 * Checks an id out of the path. Ids with an underscore in front are routes, not documents: `bad_id` in the wording that
 * clients know, wrong spelling included (documents 1.5).
 */
export function documentId(id: string): void {
  if (id.startsWith('_')) throw new Problem('bad_id', `Unsuported couchdb operation ${id}`)
  checkDocumentId(id)
}
