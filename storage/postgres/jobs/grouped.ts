/** Work of many callers in one transaction; where it fails as a whole, each on its own, so that only the culprit fails. */
import { Problem } from '../../../src/model/errors.ts'
import { Coalescer } from '../../coalescer.ts'
import { isConnectionLost, translate } from '../connection.ts'

/** More than this waits for the next transaction. */
const maxTogether = 256

interface Asked<Item, Result> {
  readonly items: readonly Item[]
  results: readonly Result[]
  error: unknown
}

export class Grouped<Item, Result> {
  readonly #together: Coalescer<Asked<Item, Result>>
  readonly #work: (items: readonly Item[]) => Promise<readonly Result[]>

  /** `work` gives a result for each item, in order. */
  constructor(work: (items: readonly Item[]) => Promise<readonly Result[]>) {
    this.#work = work
    this.#together = new Coalescer(async (asked) => {
      for (const part of partsOf(asked)) await this.#runTogether(part)
    })
  }

  /** Results of these items. Rejects with what only they caused, or when the store cannot be reached. */
  async run(items: readonly Item[]): Promise<readonly Result[]> {
    if (items.length === 0) return []
    const asked: Asked<Item, Result> = { items, results: [], error: undefined }
    await this.#together.add(asked)
    if (asked.error !== undefined) throw asked.error
    return asked.results
  }

  async #runTogether(asked: readonly Asked<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#work(asked.flatMap(({ items }) => items))
      let at = 0
      for (const one of asked) {
        one.results = results.slice(at, at + one.items.length)
        at += one.items.length
      }
    } catch (error) {
      // Whether a lost commit went through is not known.
      if (asked.length === 1 || isConnectionLost(error)) {
        for (const one of asked)
          one.error = translate(error) ?? new Problem('internal_server_error', 'The queue failed.')
      } else for (const one of asked) await this.#runTogether([one])
    }
  }
}

function partsOf<Item, Result>(asked: readonly Asked<Item, Result>[]): (readonly Asked<Item, Result>[])[] {
  const parts: Asked<Item, Result>[][] = []
  let size = maxTogether
  for (const one of asked) {
    if (size + one.items.length > maxTogether) {
      parts.push([])
      size = 0
    }
    parts.at(-1)?.push(one)
    size += one.items.length
  }
  return parts
}
