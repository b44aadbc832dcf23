import { type HttpContext, header } from '../http/router.ts'

/** The revision in `?rev=` or `If-Match` (bare or quoted); empty ones count as absent. */
export interface GivenRevision {
  readonly rev: string | undefined
  /** Both are given and name different revisions. */
  readonly mismatch: boolean
}

export function givenRevision(c: HttpContext, queryRev: string | undefined): GivenRevision {
  const fromQuery = queryRev === '' ? undefined : queryRev
  const fromHeader =
    header(c, 'if-match')
      ?.trim()
      .replace(/^"(.*)"$/, '$1') || undefined
  const mismatch = fromQuery !== undefined && fromHeader !== undefined && fromQuery !== fromHeader
  return { rev: fromQuery ?? fromHeader, mismatch }
}
