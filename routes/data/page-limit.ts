/** Rows in a page when the request says nothing or too much (documents 1.11, 1.12). */
export const defaultPage = 100
const largestPage = 1000

/** A limit that is absent, no number or above 1000 counts as 100: it is not cut down to 1000. */
export function pageLimit(asked: unknown): number {
  return typeof asked === 'number' && asked <= largestPage ? asked : defaultPage
}
