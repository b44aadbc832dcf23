/** How many rows a list has: what each API answers, and what is read at a time. */

/** Rows of an answer, by API: when the request does not say how many, and at most. */
export const pageLimits = {
  /** `_find` of CouchDB has no largest page. https://docs.couchdb.org/en/stable/api/database/find.html */
  couchdb: { byDefault: 25, mostUuids: 1_000, mostDatabases: 100 },
  /** A larger limit of `/data` is not cut down: it counts as absent. */
  data: { byDefault: 100, most: 1_000 },
  /** A larger limit of `/files` ends at the largest page; `links.next` says that it goes on. */
  files: { byDefault: 100, children: 30, most: 1_000, mostChanges: 10_000 },
  jobs: { waiting: 200, ofTrigger: 1_000 },
  sync: { byDefault: 20, most: 10_000 },
} as const

/** Documents or rows that are read from the store at a time, where all of them are gone through. */
export const scanPage = 500
