import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { formatRevision, parseRevision } from './revision.ts'
import {
  ancestry,
  conflicts,
  deletedConflicts,
  leavesUnder,
  mergePath,
  type RevisionPath,
  sortedLeaves,
  stem,
  type TreeNode,
  winner,
} from './revision-tree.ts'

/** `path('3-c', 'b', 'a')` is revision 3-c with its ancestors 2-b and 1-a; a `!` in front: deleted. */
function path(rev: string, ...ancestors: string[]): RevisionPath {
  const { gen, hash } = parseRevision(rev.replace('!', ''))
  return { gen, path: [hash, ...ancestors], deleted: rev.startsWith('!') }
}

function treeOf(...paths: RevisionPath[]): readonly TreeNode[] {
  return paths.reduce<readonly TreeNode[]>((nodes, one) => mergePath(nodes, one).nodes, [])
}

/** One line a node, sorted: `3-c<b` is 3-c with parent b, `*` a leaf, `!` deleted, `?` without body. */
function shape(nodes: readonly TreeNode[]): string {
  return nodes
    .map(
      (node) =>
        `${formatRevision(node)}<${node.parent ?? ''}${node.leaf ? '*' : ''}${node.deleted ? '!' : ''}${node.hasBody ? '' : '?'}`,
    )
    .sort()
    .join(' ')
}

const revs = (nodes: readonly TreeNode[]) => nodes.map(formatRevision)

describe('merging a path', () => {
  const base = treeOf(path('2-b', 'a'))

  test.each<[string, readonly TreeNode[], RevisionPath, string, string]>([
    ['into nothing', [], path('1-a'), 'new_branch', '1-a<*'],
    ['with unknown ancestors', [], path('3-c', 'b', 'a'), 'new_branch', '1-a<? 2-b<a? 3-c<b*'],
    ['a tombstone', [], path('!1-a'), 'new_branch', '1-a<*!'],
    ['a child of the leaf', base, path('3-c', 'b', 'a'), 'new_leaf', '1-a<? 2-b<a 3-c<b*'],
    ['a child of the leaf, path cut short', base, path('3-c', 'b'), 'new_leaf', '1-a<? 2-b<a 3-c<b*'],
    ['a grandchild', base, path('4-d', 'c', 'b', 'a'), 'new_leaf', '1-a<? 2-b<a 3-c<b? 4-d<c*'],
    ['a deleted child', base, path('!3-c', 'b'), 'new_leaf', '1-a<? 2-b<a 3-c<b*!'],
    ['a sibling', base, path('2-x', 'a'), 'new_branch', '1-a<? 2-b<a* 2-x<a*'],
    ['a cousin', base, path('3-y', 'x', 'a'), 'new_branch', '1-a<? 2-b<a* 2-x<a? 3-y<x*'],
    ['nothing in common', base, path('2-x', 'y'), 'new_branch', '1-a<? 1-y<? 2-b<a* 2-x<y*'],
    ['a later root', base, path('5-z'), 'new_branch', '1-a<? 2-b<a* 5-z<*'],
    ['the known leaf', base, path('2-b', 'a'), 'none', '1-a<? 2-b<a*'],
    ['the known leaf without ancestors', base, path('2-b'), 'none', '1-a<? 2-b<a*'],
    ['the known leaf, now deleted', base, path('!2-b', 'a'), 'none', '1-a<? 2-b<a*'],
    ['an inner node known by name only', base, path('1-a'), 'filled', '1-a< 2-b<a*'],
    ['the same, deleted', base, path('!1-a'), 'filled', '1-a<! 2-b<a*'],
    ['the same with more ancestors', treeOf(path('3-c', 'b')), path('!2-b', 'a'), 'filled', '1-a<? 2-b<a! 3-c<b*'],
    ['an inner node with a body', treeOf(path('1-a'), path('2-b', 'a')), path('!1-a'), 'none', '1-a< 2-b<a*'],
    ['another parent for a known node', base, path('2-b', 'x'), 'none', '1-a<? 2-b<a*'],
    ['a child with another grandparent', base, path('3-c', 'b', 'x'), 'new_leaf', '1-a<? 2-b<a 3-c<b*'],
    ['older ancestors of a root', treeOf(path('3-c')), path('3-c', 'b', 'a'), 'ancestors', '1-a<? 2-b<a? 3-c<b*'],
    ['a child that brings them', treeOf(path('3-c')), path('4-d', 'c', 'b'), 'new_leaf', '2-b<? 3-c<b 4-d<c*'],
    [
      'a link between two roots',
      treeOf(path('1-a'), path('3-c')),
      path('3-c', 'b', 'a'),
      'ancestors',
      '1-a< 2-b<a? 3-c<b*',
    ],
    ['the same hash in another generation', base, path('3-b', 'b', 'a'), 'new_leaf', '1-a<? 2-b<a 3-b<b*'],
  ])('%s', (_name, nodes, one, change, after) => {
    const before = shape(nodes)
    const merged = mergePath(nodes, one)
    expect(merged.change).toBe(change as typeof merged.change)
    expect(shape(merged.nodes)).toBe(after)
    expect(shape(nodes)).toBe(before)
    if (change === 'none') expect(merged.nodes).toBe(nodes)
    expect(mergePath(merged.nodes, one).change).toBe('none')
  })
})

describe('winner and conflicts', () => {
  test.each<[string, RevisionPath[], string, string[], string[]]>([
    ['one', [path('1-a')], '1-a', [], []],
    ['the longer branch', [path('2-b', 'a'), path('3-y', 'x', 'a')], '3-y', ['2-b'], []],
    ['the greater hash', [path('2-b', 'a'), path('2-c', 'a'), path('2-a', 'a')], '2-c', ['2-b', '2-a'], []],
    ['generations are numbers', [path('9-z'), path('10-a')], '10-a', ['9-z'], []],
    ['living before deleted', [path('1-a'), path('!5-z')], '1-a', [], ['5-z']],
    ['all deleted', [path('!2-b', 'a'), path('!3-x')], '3-x', [], ['2-b']],
    ['both kinds', [path('3-c'), path('!9-d'), path('2-b'), path('!4-e')], '3-c', ['2-b'], ['9-d', '4-e']],
    ['hashes by bytes', [path('1-\uffff'), path('1-😀')], '1-😀', ['1-\uffff'], []],
  ])('%s', (_name, paths, first, living, buried) => {
    const nodes = treeOf(...paths)
    const top = winner(nodes)
    expect(top && formatRevision(top)).toBe(first)
    expect(revs(conflicts(nodes))).toEqual(living)
    expect(revs(deletedConflicts(nodes))).toEqual(buried)
    expect(revs(sortedLeaves(nodes)).sort()).toEqual([first, ...living, ...buried].sort())
  })

  test('an empty tree has none', () => {
    expect(winner([])).toBeUndefined()
  })

  test('deleting the winner promotes the next branch', () => {
    const nodes = treeOf(path('2-b', 'a'), path('2-c', 'a'), path('!3-d', 'c'))
    expect(winner(nodes)?.hash).toBe('b')
    expect(revs(deletedConflicts(nodes))).toEqual(['3-d'])
  })
})

describe('asking a tree', () => {
  const nodes = treeOf(path('4-d', 'c', 'b', 'a'), path('3-y', 'x', 'a'), path('!3-z', 'x', 'a'), path('6-q', 'p'))

  test.each<[string, string[]]>([
    ['4-d', ['d', 'c', 'b', 'a']],
    ['3-y', ['y', 'x', 'a']],
    ['2-x', ['x', 'a']],
    ['6-q', ['q', 'p']],
    ['1-a', ['a']],
    ['4-x', []],
  ])('the ancestry of %s', (rev, hashes) => {
    expect(ancestry(nodes, parseRevision(rev))).toEqual(hashes)
  })

  test.each<[string, string[]]>([
    ['1-a', ['4-d', '3-y', '3-z']],
    ['2-x', ['3-y', '3-z']],
    ['2-b', ['4-d']],
    ['3-z', ['3-z']],
    ['5-p', ['6-q']],
    ['3-c', ['4-d']],
    ['3-x', []],
    ['9-a', []],
  ])('the leaves under %s', (rev, leaves) => {
    expect(revs(leavesUnder(nodes, parseRevision(rev)))).toEqual(leaves)
  })
})

describe('stemming', () => {
  const nodes = treeOf(path('5-e', 'd', 'c', 'b', 'a'), path('3-y', 'b', 'a'))

  test.each<[number, string]>([
    [1, '3-y<b* 5-e<d*'],
    [2, '2-b<a? 3-y<b* 4-d<c? 5-e<d*'],
    [3, '1-a<? 2-b<a? 3-c<b? 3-y<b* 4-d<c? 5-e<d*'],
    [1000, '1-a<? 2-b<a? 3-c<b? 3-y<b* 4-d<c? 5-e<d*'],
  ])('to %d', (limit, after) => {
    expect(shape(stem(nodes, limit))).toBe(after)
    expect(stem(stem(nodes, limit), limit)).toEqual(stem(nodes, limit))
  })

  test('a long path that was stemmed is nothing new when it comes again', () => {
    const long = path('6-f', 'e', 'd', 'c', 'b', 'a')
    const first = mergePath([], long, 3)
    expect(shape(first.nodes)).toBe('4-d<c? 5-e<d? 6-f<e*')
    expect(mergePath(first.nodes, long, 3)).toEqual({ nodes: first.nodes, change: 'none' })
    expect(mergePath(first.nodes, long).change).toBe('ancestors')
    expect(mergePath(first.nodes, path('7-g', 'f', 'e', 'd', 'c'), 3).change).toBe('new_leaf')
  })

  test('a stemmed ancestor does not come back as a leaf', () => {
    const { nodes: kept } = mergePath([], path('3-c', 'b', 'a'), 2)
    expect(mergePath(kept, path('1-a'), 2)).toEqual({ nodes: kept, change: 'none' })
    expect(shape(mergePath(kept, path('2-x', 'a'), 2).nodes)).toBe('1-a<? 2-b<a? 2-x<a* 3-c<b*')
  })

  test('a thousand generations on a stemmed tree stay cheap', () => {
    const hashes = Array.from({ length: 3000 }, (_, at) => `h${3000 - at}`)
    const { nodes: kept } = mergePath([], { gen: 3000, path: hashes, deleted: false }, 1000)
    expect(kept.length).toBe(1000)
    expect(ancestry(kept, { gen: 3000, hash: 'h3000' })).toEqual(hashes.slice(0, 1000))
  })
})

describe('any order of arrival', () => {
  /** Revisions of one history: every one but the first roots has a parent; each arrives with a part of its ancestors. */
  const histories = fc
    .array(
      fc.record({ parent: fc.nat(), root: fc.nat(4), deleted: fc.boolean(), known: fc.nat(6), sent: fc.boolean() }),
      {
        minLength: 1,
        maxLength: 14,
      },
    )
    .map((drawn) => {
      const made: { gen: number; hash: string; up: readonly string[]; deleted: boolean }[] = []
      for (const [at, { parent, root, deleted }] of drawn.entries()) {
        const from = root === 0 ? undefined : made[parent % Math.max(made.length, 1)]
        // Few letters, so that hashes repeat between generations and branches are decided by them.
        const hash = `${'abc'[at % 3]}${at}`
        made.push({ gen: (from?.gen ?? 0) + 1, hash, up: from ? [from.hash, ...from.up] : [], deleted })
      }
      return made.map(({ gen, hash, up, deleted }, at): RevisionPath & { sent: boolean } => {
        const known = drawn[at]?.known ?? 0
        return { gen, path: [hash, ...up.slice(0, known)], deleted, sent: drawn[at]?.sent ?? true }
      })
    })

  const arrivals = histories.chain((paths) => {
    const sent = paths.filter((one) => one.sent)
    const all = sent.length === 0 ? paths : sent
    return fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }), fc.shuffledSubarray(all))
  })

  test('gives the same tree, winner and conflicts, repeated revisions included', () => {
    fc.assert(
      fc.property(arrivals, ([paths, shuffled, again]) => {
        const one = treeOf(...paths)
        const other = treeOf(...shuffled, ...again)
        expect(shape(other)).toBe(shape(one))
        expect(winner(other)?.hash).toBe(winner(one)?.hash as string)
        expect(revs(conflicts(other))).toEqual(revs(conflicts(one)))
        expect(revs(deletedConflicts(other))).toEqual(revs(deletedConflicts(one)))
      }),
      { numRuns: 1000 },
    )
  })

  test('gives a sound tree: leaves are the nodes without children and have bodies, nothing is lost', () => {
    fc.assert(
      fc.property(arrivals, ([, shuffled]) => {
        const nodes = treeOf(...shuffled)
        const parents = new Set(nodes.map((node) => `${node.gen - 1}-${node.parent}`))
        for (const node of nodes) {
          expect(node.leaf).toBe(!parents.has(formatRevision(node)))
          if (node.leaf) expect(node.hasBody).toBe(true)
        }
        expect(new Set(revs(nodes)).size).toBe(nodes.length)
        for (const { gen, path: hashes } of shuffled) {
          expect(ancestry(nodes, { gen, hash: hashes[0] ?? '' }).slice(0, hashes.length)).toEqual([...hashes])
        }
      }),
      { numRuns: 500 },
    )
  })

  test('of stemmed trees: every branch keeps its newest nodes, repeating changes nothing', () => {
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 1, max: 5 }), ([, shuffled], limit) => {
        let nodes: readonly TreeNode[] = []
        for (const one of shuffled) {
          nodes = mergePath(nodes, one, limit).nodes
          expect(mergePath(nodes, one, limit).change).toBe('none')
        }
        const kept = new Set<string>()
        for (const leaf of sortedLeaves(nodes)) {
          for (const [at, hash] of ancestry(nodes, leaf).slice(0, limit).entries()) kept.add(`${leaf.gen - at}-${hash}`)
        }
        expect(revs(nodes).sort()).toEqual([...kept].sort())
      }),
    )
  })
})
