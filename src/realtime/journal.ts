/**
 * What this process has committed to one database and the feed has not shown yet. The feed has each document once, by
 * its latest change; of several changes between two reads the earlier ones are reported from here.
 */
import type { ChangedDocument, Commit } from '../../storage/documents/contract.ts'

/** Characters of bodies that are kept; beyond that only the last of several changes is reported. */
const maxSize = 1024 * 1024

/** A revision that was superseded before the feed was read. */
export interface Passed extends ChangedDocument {
  /** What it was made from, if that is not in the journal: for the members of a deleted document. */
  readonly from: Commit['parent']
}

export class Journal {
  #commits: Commit[] = []
  #size = 0

  add(commit: Commit): void {
    this.#size += commit.text.length
    if (this.#size > maxSize) this.clear()
    else this.#commits.push(commit)
  }

  clear(): void {
    this.#commits = []
    this.#size = 0
  }

  /**
   * The revisions that the rows of a page stand for and do not show, by sequence. Everything up to `begin` was told
   * before (a commit may be heard of after the page that showed it); up to `end` it was in this page. Of documents with several leaves nothing is said, since theirs need not have won.
   */
  passed(rows: readonly ChangedDocument[], { begin, end }: { begin: bigint | undefined; end: bigint }): Passed[] {
    if (this.#commits.length === 0) return []
    const shown = new Map(rows.map((row) => [row.id, row]))
    const known = new Map(this.#commits.map((commit) => [nameOf(commit.id, commit), commit]))
    const [kept, passed]: [Commit[], Passed[]] = [[], []]
    for (const commit of this.#commits) {
      if (begin !== undefined && commit.seq <= begin) continue
      const row = shown.get(commit.id)
      if (row === undefined || row.seq < commit.seq) {
        if (commit.seq > end) kept.push(commit)
      } else if (row.seq > commit.seq && row.leaves === 1) {
        passed.push(asDocument(commit, commit.parent && known.get(nameOf(commit.id, commit.parent))))
      }
    }
    this.#commits = kept
    this.#size = kept.reduce((sum, { text }) => sum + text.length, 0)
    return passed.sort((a, b) => (a.seq < b.seq ? -1 : 1))
  }
}

/** Without a parent it stands on nothing, or on a tombstone. */
function asDocument({ id, gen, hash, seq, deleted, text, parent }: Commit, before: Commit | undefined): Passed {
  const made = parent === undefined ? { deleted: gen > 1 } : { deleted: false, ...(before && { text: before.text }) }
  return { id, gen, hash, seq, deleted, text, leaves: 1, parent: made, from: before ? undefined : parent }
}

function nameOf(id: string, { gen, hash }: { readonly gen: number; readonly hash: string }): string {
  return `${gen}-${hash} ${id}`
}
