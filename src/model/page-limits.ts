/** Page sizes: how many rows each API returns, and how many are read at a time. */

/** Rows of an answer, by API: the default when the request names no limit, and the maximum. */
export const pageLimits = {
  /** `_find` of CouchDB has no maximum. https://docs.couchdb.org/en/stable/api/database/find.html */
  couchdb: { byDefault: 25, mostUuids: 1_000, mostDatabases: 100 },
  /** A limit above the maximum of `/data` is not reduced: it is ignored. */
  data: { byDefault: 100, most: 1_000 },
  /** A limit above the maximum of `/files` is reduced to it; `links.next` leads to the rest. */
  files: { byDefault: 100, children: 30, most: 1_000, mostChanges: 10_000 },
  jobs: { waiting: 200, ofTrigger: 1_000 },
  sync: { byDefault: 20, most: 10_000 },
} as const

/** Documents or rows that are read from the store at a time where all of them are processed. */
export const scanPage = 500
