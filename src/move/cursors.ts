/** Where the parts of an export begin. */

export interface Sized {
  readonly doctype: 'io.cozy.files' | 'io.cozy.files.versions'
  readonly id: string
  readonly size: number
}

/**
 * Decides of one content after the other, in byte order of their ids and files before versions, whether a new part begins
 * with it. Content that is larger than a part stands alone.
 */
export class PartBreaker {
  readonly cursors: string[] = []
  #remaining: number

  readonly #partsSize: number

  constructor(partsSize: number) {
    this.#partsSize = partsSize
    this.#remaining = partsSize
  }

  /** True when a new part begins with this one. */
  beginsPart({ doctype, id, size }: Sized): boolean {
    const begins = size > this.#remaining && this.#remaining !== this.#partsSize
    if (begins) {
      this.cursors.push(`${doctype}/${id}`)
      this.#remaining = this.#partsSize
    }
    this.#remaining -= size
    return begins
  }
}

/** The size of parts in bytes: at least `least`, and more where there is much, so that there are not too many of them. */
export function partsSizeOf(wanted: number, least: number, used: number): number {
  if (wanted >= least) return wanted
  return used > least ? Math.ceil(Math.sqrt(used / least) * least) : least
}
