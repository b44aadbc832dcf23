/** How many documents are read at a time: by count without bodies, by size with them. */

/** Rows of a page without bodies, and the most with them. */
export const maxPage = 1_000
/** Rows of the first page with bodies, whose size is not known yet. */
export const firstPage = 32
/** Characters of the bodies of one page together; bounds the memory of an answer, whatever the documents' sizes. */
const pageSize = 2_000_000

/** The number of documents for the next page, from the bodies of the last one (not empty). */
export function nextPage(documents: readonly { readonly text: string }[]): number {
  let size = 1
  for (const { text } of documents) size += text.length
  return Math.max(1, Math.min(maxPage, Math.floor((pageSize * documents.length) / size)))
}
