/** Names in paths: which are databases, which are reserved, which are no documents. */
import { isDatabaseName, isReadable, isWritable } from '../../src/documents/doctypes.ts'
import { checkDocumentId } from '../../src/documents/document.ts'
import { Problem } from '../../src/errors.ts'
import { noDatabase, noDocument, words } from './errors.ts'

export { isDatabaseName, isReadable }

/** 404 for a name that no database can have; only its creation says what is wrong with it. */
export function checkDatabaseName(name: string): void {
  if (!isDatabaseName(name)) throw noDatabase()
}

/** What creating a database of a bad name answers. */
export function illegalName(name: string): Problem {
  return new Problem('illegal_database_name', words.databaseName(name))
}

/** 403 for doctypes that only their own API reads or writes (documents 3.4). */
export function checkReserved(name: string, mode: 'read' | 'write'): void {
  if (!isReadable(name)) throw new Problem('forbidden', `reserved doctype ${name} unreadable`)
  if (mode === 'write' && !isWritable(name)) throw new Problem('forbidden', `reserved doctype ${name} unwritable`)
}

/**
 * Checks the id of a document to read or delete. Ids with an underscore in front are 404, since every route that begins
 * so was declared before; throws `illegal_docid` for ids that no document can have.
 */
export function checkPathId(id: string): void {
  if (id.startsWith('_') && !id.startsWith('_design/')) throw noDocument('missing')
  checkDocumentId(id)
}
