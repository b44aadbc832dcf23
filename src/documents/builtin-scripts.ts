/**
 * Design documents of cozy-stack that hold a JavaScript view. They are shown as CouchDB would show them; nothing runs them:
 * cozy-stack does not let clients query views either; it uses them itself for the APIs of files and references.
 */

export interface BuiltinScript {
  readonly map: string
  readonly reduce?: string
}

const scripts: Readonly<Record<string, Readonly<Record<string, BuiltinScript>>>> = {
  'io.cozy.contacts': {
    'contacts-by-email': {
      map: 'function (doc) { (doc.email || []).forEach(function (email) { emit(email.address, null) }) }',
    },
  },
  'io.cozy.files': {
    'by-parent-type-name': {
      map: "function (doc) { if (typeof doc.dir_id === 'string') emit([doc.dir_id, doc.type, doc.name], null) }",
      reduce: '_count',
    },
    'disk-usage': {
      map: "function (doc) { if (doc.type === 'file') emit(doc.dir_id, Number(doc.size)) }",
      reduce: '_sum',
    },
    'not-synchronized-on': {
      map: 'function (doc) { (doc.not_synchronized_on || []).forEach(function (one) { emit([one.type, one.id], null) }) }',
      reduce: '_count',
    },
    'referenced-by': {
      map: 'function (doc) { (doc.referenced_by || []).forEach(function (one) { emit([one.type, one.id], null) }) }',
      reduce: '_count',
    },
    'referenced-by-sorted-by-datetime': {
      map:
        'function (doc) { var at = (doc.metadata && doc.metadata.datetime) || doc.created_at; ' +
        '(doc.referenced_by || []).forEach(function (one) { emit([one.type, one.id, at], null) }) }',
      reduce: '_count',
    },
  },
  'io.cozy.files.versions': {
    'old-versions-disk-usage': { map: 'function (doc) { emit(doc._id, Number(doc.size)) }', reduce: '_sum' },
  },
}

/** The views of a doctype by the name of their design document, which is also that of the view. */
export function builtinScripts(doctype: string): Readonly<Record<string, BuiltinScript>> {
  return (Object.hasOwn(scripts, doctype) ? scripts[doctype] : undefined) ?? {}
}
