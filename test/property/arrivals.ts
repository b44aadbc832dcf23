/** Random histories of one document and the orders in which their revisions may arrive. */
import fc from 'fast-check'

/** A revision of the history. Hashes are unique, so that every order must end in one tree. */
export interface Past {
  readonly gen: number
  readonly hash: string
  /** Its place in the history; `undefined` for a root. */
  readonly parent: number | undefined
  readonly deleted: boolean
}

/** One `new_edits: false` write: a revision with some of its ancestors' names. */
export interface Arrival {
  readonly gen: number
  /** Newest first. */
  readonly path: readonly string[]
  readonly deleted: boolean
}

export interface Story {
  readonly arrivals: readonly Arrival[]
  /** The same arrivals by place, in several orders, each cut into requests. */
  readonly orders: readonly (readonly (readonly number[])[])[]
}

const orders = 3

const history: fc.Arbitrary<readonly Past[]> = fc
  .array(fc.tuple(fc.nat(99), fc.nat(3), fc.nat(2), fc.nat(1_000)), { minLength: 1, maxLength: 12 })
  .map((plans) => {
    const past: Past[] = []
    for (const [n, [at, root, dead, salt]] of plans.entries()) {
      const isRoot = n === 0 || (root === 0 && at % 3 === 0)
      const parent = isRoot ? undefined : at % n
      const gen = parent === undefined ? 1 + (at % 4) : (past[parent]?.gen ?? 0) + 1
      past.push({ gen, hash: `${salt}x${n}`, parent, deleted: dead === 0 })
    }
    return past
  })

/** Some revisions of a history arrive, once or twice, with short or long paths. */
export const story: fc.Arbitrary<Story> = history.chain((past) =>
  fc
    .array(fc.tuple(fc.nat(past.length - 1), fc.nat(past.length)), { minLength: 1, maxLength: 10 })
    .map((picks) => picks.map(([at, named]) => arrivalOf(past, at, named)))
    .chain((arrivals) => {
      const places = arrivals.map((_, at) => at)
      const order = fc
        .tuple(
          fc.shuffledSubarray(places, { minLength: places.length }),
          fc.array(fc.nat(3), { minLength: places.length, maxLength: places.length }),
        )
        .map(([shuffled, cuts]) => requests(shuffled, cuts))
      return fc.array(order, { minLength: orders, maxLength: orders }).map((given) => ({ arrivals, orders: given }))
    }),
)

function arrivalOf(past: readonly Past[], at: number, named: number): Arrival {
  const path: string[] = []
  const top = past[at]
  for (let one = top; one && path.length <= named; one = one.parent === undefined ? undefined : past[one.parent]) {
    path.push(one.hash)
  }
  return { gen: top?.gen ?? 1, path, deleted: top?.deleted ?? false }
}

/** A new request begins where `cuts` says 0. */
function requests(order: readonly number[], cuts: readonly number[]): readonly (readonly number[])[] {
  const groups: number[][] = []
  for (const [n, place] of order.entries()) {
    const last = groups.at(-1)
    if (last && cuts[n] !== 0) last.push(place)
    else groups.push([place])
  }
  return groups
}

/** What everybody must agree on in the end, worked out from the arrivals as a set, without a tree. */
export interface Agreement {
  /** `gen-hash<parent`, with `*` for a leaf, `!` deleted, `?` known by name only; sorted. */
  readonly nodes: readonly string[]
  readonly winner: string
  readonly conflicts: readonly string[]
  /** `gen-hash` of the leaves, `!` deleted. */
  readonly leaves: readonly string[]
}

export function agreementOf(arrivals: readonly Arrival[]): Agreement {
  const parents = new Map<string, string | undefined>()
  const dead = new Map<string, boolean>()
  for (const { gen, path, deleted } of arrivals) {
    dead.set(`${gen}-${path[0]}`, deleted)
    for (const [at, hash] of path.entries()) {
      const name = `${gen - at}-${hash}`
      parents.set(name, path[at + 1] ?? parents.get(name))
    }
  }
  const isParent = new Set(
    [...parents].flatMap(([name, parent]) => (parent ? [`${generation(name) - 1}-${parent}`] : [])),
  )
  const leaves = [...parents.keys()].filter((name) => !isParent.has(name)).sort(byRank)
  function byRank(a: string, b: string): number {
    const order = Number(dead.get(a)) - Number(dead.get(b)) || generation(b) - generation(a)
    return order || (hashOf(a) < hashOf(b) ? 1 : -1)
  }
  return {
    nodes: [...parents]
      .map(([name, parent]) => {
        const marks = `${isParent.has(name) ? '' : '*'}${dead.get(name) ? '!' : ''}${dead.has(name) ? '' : '?'}`
        return `${name}<${parent ?? ''}${marks}`
      })
      .sort(),
    winner: leaves[0] ?? '',
    conflicts: leaves.slice(1).filter((name) => !dead.get(name)),
    leaves: leaves.map((name) => `${name}${dead.get(name) ? '!' : ''}`),
  }
}

function generation(name: string): number {
  return Number(name.slice(0, name.indexOf('-')))
}

function hashOf(name: string): string {
  return name.slice(name.indexOf('-') + 1)
}
