/**
 * The document store's contract as tests: every adapter must pass them. `storage/documents/contract.ts` says what is
 * guaranteed; nothing here knows how it is kept.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { bodyDigest, needsRaw, parseJson } from '../../src/model/json/exact.ts'
import {
  type Body,
  type DatabaseRef,
  type DocumentStore,
  type Edit,
  type EditOutcome,
  type RevisionId,
  StaleIndexes,
} from '../../storage/documents/contract.ts'

let databases = 0

const noDatabase = { code: 'no_database' }

/** A body as `src/documents/document.ts` makes it. */
export function bodyOf(value: unknown): Body {
  return textBody(JSON.stringify(value))
}

function textBody(text: string): Body {
  const parsed = parseJson(text)
  return { text, raw: needsRaw(text), digest: bodyDigest(parsed.value), value: parsed.value }
}

function edit(ref: DatabaseRef, id: string, value: unknown, more: Partial<Edit> = {}): Edit {
  return { ref, id, deleted: false, body: bodyOf(value), unknownParent: 'refuse', ...more }
}

function revOf(outcome: EditOutcome | undefined): RevisionId {
  if (outcome?.kind !== 'ok') throw new Error(`not written: ${outcome?.kind}`)
  return outcome.rev
}

/** Every call of `open` opens the same documents, as another process would. */
export function documentStoreSuite(name: string, open: () => Promise<DocumentStore>): void {
  describe(`document store contract: ${name}`, () => {
    let store: DocumentStore
    let other: DocumentStore
    beforeAll(async () => {
      store = await open()
      other = await open()
    }, 60_000)
    afterAll(async () => {
      await store?.close()
      await other?.close()
    })

    async function fresh(): Promise<DatabaseRef> {
      databases += 1
      const ref = { prefix: `suite-${process.pid}`, name: `db${databases}` }
      await store.createDatabase(ref)
      return ref
    }
    const write = async (one: Edit) => (await store.write([one]))[0]

    test('a database is made once and gone when dropped', async () => {
      const ref = await fresh()
      expect(await store.createDatabase(ref)).toBe('exists')
      await write(edit(ref, 'a', {}))
      await store.dropDatabase(ref)
      await expect(store.dropDatabase(ref)).rejects.toMatchObject(noDatabase)
      await expect(store.read(ref, 'a')).rejects.toMatchObject(noDatabase)
      expect((await write(edit(ref, 'a', {})))?.kind).toBe('no_database')
      await expect(store.databaseInfo(ref)).rejects.toMatchObject(noDatabase)
    })

    test('a database made again is another one', async () => {
      const ref = await fresh()
      const before = await store.databaseInfo(ref)
      await write(edit(ref, 'a', {}))
      await store.dropDatabase(ref)
      await store.createDatabase(ref)
      const after = await store.databaseInfo(ref)
      expect(after?.epoch).not.toBe(before?.epoch)
      expect(after?.updateSeq).toBe(0n)
      expect(await store.read(ref, 'a')).toBeUndefined()
    })

    test('tenants do not see each other', async () => {
      const ref = await fresh()
      const other = { prefix: `${ref.prefix}-other`, name: ref.name }
      await store.createDatabase(other)
      await write(edit(ref, 'a', { mine: true }))
      expect(await store.read(other, 'a')).toBeUndefined()
      expect(await store.listDatabases(other.prefix)).toEqual([ref.name])
      await store.dropPrefix(other.prefix)
      expect(await store.listDatabases(other.prefix)).toEqual([])
      expect(await store.read(ref, 'a')).toMatchObject({ text: expect.stringContaining('mine') })
    })

    test('databases are listed in byte order', async () => {
      const prefix = `suite-${process.pid}-names`
      const names = ['b', 'a/b', 'a', 'Z', 'é', 'a.b', '_x']
      for (const one of names) await store.createDatabase({ prefix, name: one })
      const inBytes = names.sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)))
      expect(await store.listDatabases(prefix)).toEqual(inBytes)
      await expect(store.setRevsLimit({ prefix, name: 'nope' }, 3)).rejects.toMatchObject(noDatabase)
      await store.ping()
    })

    const given: [string, string, unknown, Partial<Edit>, string][] = [
      ['unknown', 'created', {}, {}, 'ok 1'],
      ['unknown', 'with a parent, refusing', {}, { parent: { gen: 4, hash: 'x' } }, 'missing'],
      ['unknown', 'with a parent, accepting', {}, { parent: { gen: 4, hash: 'x' }, unknownParent: 'accept' }, 'ok 5'],
      ['unknown', 'deleted', {}, { deleted: true, mustExist: true }, 'missing'],
      ['unknown', 'as a tombstone', {}, { deleted: true }, 'ok 1'],
      ['live', 'created again', {}, {}, 'conflict'],
      ['live', 'with its revision', { n: 2 }, { parent: 'current' as never }, 'ok 2'],
      ['live', 'with another revision', {}, { parent: { gen: 1, hash: 'x' } }, 'conflict'],
      ['live', 'with its hash under another generation', {}, { parent: 'shifted' as never }, 'conflict'],
      ['live', 'deleted without revision', {}, { deleted: true, mustExist: true }, 'conflict'],
      ['live', 'deleted', {}, { deleted: true, mustExist: true, parent: 'current' as never }, 'ok 2'],
      ['dead', 'created again', {}, {}, 'ok 3'],
      ['dead', 'with the tombstone as parent', {}, { parent: 'current' as never }, 'deleted'],
      ['dead', 'deleted again', {}, { deleted: true, mustExist: true, parent: 'current' as never }, 'deleted'],
      ['dead', 'as another tombstone', {}, { deleted: true }, 'ok 3'],
    ]
    for (const ids of ['plain', '_design/plain']) {
      test.each(given)(`${ids}: a document that is %s, %s`, async (state, _what, value, more, expected) => {
        const ref = await fresh()
        let current: RevisionId = { gen: 0, hash: '' }
        if (state !== 'unknown') current = revOf(await write(edit(ref, ids, { n: 1 })))
        if (state === 'dead') current = revOf(await write(edit(ref, ids, {}, { deleted: true, parent: current })))
        const parent =
          (more.parent as unknown) === 'current'
            ? current
            : (more.parent as unknown) === 'shifted'
              ? { gen: current.gen + 1, hash: current.hash }
              : more.parent
        const outcome = await write(edit(ref, ids, value, { ...more, parent }))
        expect(outcome?.kind === 'ok' ? `ok ${outcome.rev.gen}` : outcome?.kind).toBe(expected)
      })
    }

    test('the hash follows from body and parent, not from the id or the path of writing', async () => {
      const ref = await fresh()
      const [a, b, c, d] = await store.write([
        edit(ref, 'a', { x: 1, y: 2 }),
        edit(ref, 'b', { y: 2, x: 1 }),
        edit(ref, 'c', { x: 1 }),
        edit(ref, '_design/d', { x: 1, y: 2 }),
      ])
      expect(revOf(a)).toEqual(revOf(b))
      expect(revOf(a)).toEqual(revOf(d))
      expect(revOf(c)).not.toEqual(revOf(a))
    })

    test('counts and sequences follow every write', async () => {
      const ref = await fresh()
      const [a] = await store.write([edit(ref, 'b', {}), edit(ref, 'a', {}), edit(ref, '_design/x', {})])
      await write(edit(ref, 'b', {}, { deleted: true, parent: revOf(a) }))
      await write(edit(ref, 'a', {}))
      expect(await store.databaseInfo(ref)).toMatchObject({ updateSeq: 4n, docCount: 2, deletedCount: 1 })
    })

    test('edits of one call are numbered in id order and answered in the order given', async () => {
      const ref = await fresh()
      const outcomes = await store.write(['c', 'a', 'b'].map((id) => edit(ref, id, { id })))
      expect(outcomes.map((outcome) => outcome.kind === 'ok' && outcome.seq)).toEqual([3n, 1n, 2n])
    })

    test('a call of any size, over any databases, is answered edit by edit', async () => {
      const refs = [await fresh(), await fresh(), { prefix: `suite-${process.pid}`, name: 'never-made' }]
      const edits = Array.from({ length: 900 }, (_, n) =>
        edit(refs[n % 3] as DatabaseRef, `d${String(n).padStart(4, '0')}`, { n }),
      )
      const outcomes = await store.write(edits)
      expect(outcomes.map((outcome) => outcome.kind)).toEqual(
        edits.map(({ ref }) => (ref.name === 'never-made' ? 'no_database' : 'ok')),
      )
      for (const ref of refs.slice(0, 2)) {
        expect(await store.databaseInfo(ref)).toMatchObject({ updateSeq: 300n, docCount: 300 })
      }
    })

    test('sequences grow with every edit, whatever is edited', async () => {
      const ref = await fresh()
      const seqOf = (outcome: EditOutcome | undefined) => (outcome?.kind === 'ok' ? outcome.seq : undefined)
      expect(seqOf(await write(edit(ref, 'a', { n: 1 })))).toBe(1n)
      expect(seqOf(await write(edit(ref, '_design/a', { n: 1 })))).toBe(2n)
      const forks = ['x', 'y'].map((hash) => ({ id: 'c', gen: 1, path: [hash], deleted: false, body: bodyOf({}) }))
      await store.replicate(ref, forks)
      expect(seqOf(await write(edit(ref, 'c', { n: 2 }, { parent: { gen: 1, hash: 'x' } })))).toBe(4n)
      expect((await store.readTree(ref, 'c'))?.seq).toBe(4n)
      const both = await store.write([edit(ref, 'b', {}), edit(ref, '_design/b', {})])
      expect(both.map(seqOf).sort()).toEqual([5n, 6n])
    })

    test('an id twice in one call: the first wins', async () => {
      const ref = await fresh()
      const outcomes = await store.write([edit(ref, 'a', { n: 1 }), edit(ref, 'b', {}), edit(ref, 'a', { n: 2 })])
      expect(outcomes.map((outcome) => outcome.kind)).toEqual(['ok', 'ok', 'conflict'])
    })

    test('an atomic write is all or nothing', async () => {
      const ref = await fresh()
      await write(edit(ref, 'taken', {}))
      const refused = await store.write([edit(ref, 'new', {}), edit(ref, 'taken', {})], { atomic: true })
      expect(refused.every((outcome) => outcome.kind === 'ok')).toBe(false)
      expect(await store.read(ref, 'new')).toBeUndefined()
      const done = await store.write([edit(ref, 'new', {}), edit(ref, 'newer', {})], { atomic: true })
      expect(done.map((outcome) => outcome.kind)).toEqual(['ok', 'ok'])
    })

    test('of twenty writers with one revision exactly one wins', async () => {
      const ref = await fresh()
      const parent = revOf(await write(edit(ref, 'a', {})))
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, n) => store.write([edit(ref, 'a', { n }, { parent })])),
      )
      expect(outcomes.filter(([outcome]) => outcome?.kind === 'ok')).toHaveLength(1)
      expect(outcomes.filter(([outcome]) => outcome?.kind === 'conflict')).toHaveLength(19)
    })

    test.each([
      ['plain', { a: 1, b: [true, null, 'x'] }],
      ['a NUL', { a: 'x\u0000y', '\u0000': 1 }],
      ['an exponent', JSON.parse('{"a":1e300}')],
      ['unicode', { é: '\u2028 😀' }],
      ['empty names', { '': { '': '' } }],
      ['prototype members', JSON.parse('{"o":{"__proto__":1,"constructor":2,"toString":3}}')],
    ])('keeps %s', async (_name, value) => {
      const ref = await fresh()
      await write(edit(ref, 'a', value))
      const found = await store.read(ref, 'a')
      expect(found && JSON.parse(found.text)).toEqual(value)
    })

    test('a tombstone keeps the body it came with', async () => {
      const ref = await fresh()
      const parent = revOf(await write(edit(ref, 'a', { n: 1 })))
      await write(edit(ref, 'a', { why: 'gone' }, { parent, deleted: true }))
      expect(await store.read(ref, 'a')).toMatchObject({ deleted: true, gen: 2, text: expect.stringContaining('gone') })
    })

    test('superseded bodies stay readable and trees are whole', async () => {
      const ref = await fresh()
      const first = revOf(await write(edit(ref, 'a', { n: 1 })))
      const second = revOf(await write(edit(ref, 'a', { n: 2 }, { parent: first })))
      expect((await store.readRevision(ref, 'a', first))?.text).toContain('1')
      expect((await store.readRevision(ref, 'a', second))?.text).toContain('2')
      expect(await store.readRevision(ref, 'a', { gen: 2, hash: 'x' })).toBeUndefined()
      const tree = await store.readTree(ref, 'a')
      expect(tree?.winner).toEqual(second)
      expect(tree?.nodes.map((node) => [node.gen, node.leaf, node.parent])).toEqual(
        expect.arrayContaining([
          [2, true, first.hash],
          [1, false, undefined],
        ]),
      )
    })

    test('edits of one document in one request end as one after another', async () => {
      const ref = await fresh()
      const [together, apart] = ['together', 'apart']
      const chain = async (id: string, send: (edits: readonly Edit[]) => Promise<readonly EditOutcome[]>) => {
        await store.replicate(
          ref,
          ['x', 'y'].map((hash) => ({ id, gen: 2, path: [hash, 'r'], deleted: false, body: bodyOf({ hash }) })),
        )
        const follow = (hash: string, deleted: boolean) =>
          edit(ref, id, { of: hash }, { parent: { gen: 2, hash }, deleted })
        return send([follow('x', false), follow('x', false), follow('z', true), follow('y', true), follow('y', false)])
      }
      const one = await chain(together, (edits) => store.write(edits))
      const other = await chain(apart, async (edits) => {
        const outcomes: EditOutcome[] = []
        for (const each of edits) outcomes.push(...(await store.write([each])))
        return outcomes
      })
      expect(one.map(({ kind }) => kind)).toEqual(['ok', 'conflict', 'conflict', 'ok', 'conflict'])
      expect(other.map(({ kind }) => kind)).toEqual(one.map(({ kind }) => kind))
      const shape = async (id: string) =>
        (await store.readTree(ref, id))?.nodes
          .map(({ gen, hash, deleted, leaf }) => `${gen}-${hash} ${deleted} ${leaf}`)
          .sort()
      expect(await shape(together)).toEqual(await shape(apart))
    })

    test('each of many leaves is deleted, the winner first, the others are promoted in turn', async () => {
      const ref = await fresh()
      const hashes = Array.from({ length: 60 }, (_, n) => `h${String(n).padStart(2, '0')}`)
      const leaves = hashes.map((hash) => ({
        id: 'a',
        gen: 2,
        path: [hash, 'r'],
        deleted: false,
        body: bodyOf({ hash }),
      }))
      await store.replicate(ref, leaves)
      const remove = (hash: string) => edit(ref, 'a', {}, { parent: { gen: 2, hash }, deleted: true, mustExist: true })
      for (const hash of hashes.slice(30).reverse()) {
        expect(await store.read(ref, 'a')).toMatchObject({ hash, leaves: 60, text: expect.stringContaining(hash) })
        expect((await write(remove(hash)))?.kind).toBe('ok')
        expect((await write(remove(hash)))?.kind).toBe('conflict')
      }
      // Those that are left, in any order and in one request.
      const outcomes = await other.write(hashes.slice(0, 30).map(remove))
      expect(outcomes.filter(({ kind }) => kind !== 'ok')).toEqual([])
      expect(await store.read(ref, 'a')).toMatchObject({ deleted: true, leaves: 60 })
      expect((await store.readTree(ref, 'a'))?.nodes.filter(({ leaf }) => leaf)).toHaveLength(60)
      // All but the first of one request share a sequence.
      expect(await store.databaseInfo(ref)).toMatchObject({ docCount: 0, deletedCount: 1, updateSeq: 33n })
    })

    test('an edit that replication brought already, without its parent, is linked to it', async () => {
      const [ref, model] = [await fresh(), await fresh()]
      const revision = (hash: string, path: string[]) => ({
        id: 'a',
        gen: path.length,
        path,
        deleted: false,
        body: bodyOf({ hash }),
      })
      const forks = [revision('b', ['b', 'r']), revision('c', ['c', 'r'])]
      const next = { parent: { gen: 2, hash: 'b' } }
      await store.replicate(model, forks)
      const made = revOf(await write(edit(model, 'a', { n: 1 }, next)))
      await store.replicate(ref, [...forks, { ...revision('alone', [made.hash]), gen: 3 }])
      expect(await write(edit(ref, 'a', { n: 1 }, next))).toMatchObject({ kind: 'ok', rev: made })
      const node = (await store.readTree(ref, 'a'))?.nodes.find(({ gen }) => gen === 3)
      expect(node).toMatchObject({ hash: made.hash, parent: 'b', leaf: true })
    })

    test('the revision limit forgets the oldest revisions', async () => {
      const ref = await fresh()
      await store.setRevsLimit(ref, 3)
      let parent: RevisionId | undefined
      for (let n = 0; n < 8; n += 1) parent = revOf(await write(edit(ref, 'a', { n }, { parent })))
      expect((await store.readTree(ref, 'a'))?.nodes.map((node) => node.gen).sort()).toEqual([6, 7, 8])
    })

    describe('replication', () => {
      const revision = (id: string, path: string[], more: { deleted?: boolean; value?: unknown } = {}) => ({
        id,
        gen: path.length,
        path,
        deleted: more.deleted ?? false,
        body: bodyOf(more.value ?? { leaf: path[0] }),
      })

      test('a conflict has the same winner whatever the order of arrival', async () => {
        const paths = [
          ['b', 'r'],
          ['c', 'r'],
          ['z', 'c', 'r'],
          ['d', 'r'],
        ]
        const winners = new Set<string>()
        for (const order of [paths, [...paths].reverse(), [paths[2]!, paths[0]!, paths[3]!, paths[1]!]]) {
          const ref = await fresh()
          for (const path of order) await store.replicate(ref, [revision('a', path)])
          const tree = await store.readTree(ref, 'a')
          expect(
            tree?.nodes
              .filter((node) => node.leaf)
              .map((node) => node.hash)
              .sort(),
          ).toEqual(['b', 'd', 'z'])
          const top = await store.read(ref, 'a')
          if (top) winners.add(`${top.gen}-${top.hash} ${top.text} ${top.leaves}`)
        }
        expect(winners.size).toBe(1)
        expect([...winners][0]).toStartWith('3-z')
      })

      test('what is known already takes no sequence', async () => {
        const ref = await fresh()
        const all = [revision('a', ['b', 'r']), revision('a', ['r']), revision('b', ['x'])]
        await store.replicate(ref, all)
        const before = await store.databaseInfo(ref)
        await store.replicate(ref, all)
        expect((await store.databaseInfo(ref)).updateSeq).toBe(before.updateSeq)
      })

      test('deleting the winner promotes the next leaf, body and all', async () => {
        const ref = await fresh()
        await store.replicate(ref, [revision('a', ['b', 'r']), revision('a', ['c', 'r'])])
        const outcome = await write(
          edit(ref, 'a', {}, { deleted: true, mustExist: true, parent: { gen: 2, hash: 'c' } }),
        )
        expect(outcome?.kind).toBe('ok')
        expect(await store.read(ref, 'a')).toMatchObject({
          gen: 2,
          hash: 'b',
          deleted: false,
          text: expect.stringContaining('"b"'),
        })
        expect(await store.databaseInfo(ref)).toMatchObject({ docCount: 1, deletedCount: 0 })
      })

      test('any leaf can be continued, nothing else can', async () => {
        const ref = await fresh()
        await store.replicate(ref, [revision('a', ['b', 'r']), revision('a', ['c', 'r'])])
        const loser = await write(edit(ref, 'a', { n: 3 }, { parent: { gen: 2, hash: 'b' } }))
        expect(loser).toMatchObject({ kind: 'ok', rev: { gen: 3 } })
        expect((await write(edit(ref, 'a', {}, { parent: { gen: 1, hash: 'r' } })))?.kind).toBe('conflict')
      })

      test('no database, nothing stored', async () => {
        const ref = await fresh()
        await store.dropDatabase(ref)
        await expect(store.replicate(ref, [revision('a', ['b'])])).rejects.toMatchObject(noDatabase)
      })
    })

    describe('many revisions at once', () => {
      test('come in the order asked, with gaps where there is no body', async () => {
        const ref = await fresh()
        const first = revOf(await write(edit(ref, 'a', { n: 1 })))
        const second = revOf(await write(edit(ref, 'a', { n: 2 }, { parent: first })))
        const forks = ['x', 'y'].map((hash) => ({
          id: 'b',
          gen: 2,
          path: [hash, 'r'],
          deleted: hash === 'x',
          body: bodyOf({ hash, at: 1e300 }),
        }))
        await store.replicate(ref, forks)
        const asked = [
          { id: 'b', gen: 2, hash: 'x' },
          { id: 'a', ...second },
          { id: 'b', gen: 1, hash: 'r' },
          { id: 'a', ...first },
          { id: 'nope', ...first },
          { id: 'a\u0000', ...first },
          { id: 'b', gen: 2, hash: 'y' },
          { id: 'a', ...second },
        ]
        const found = await store.readRevisions(ref, asked)
        expect(found.map((one) => one && JSON.parse(one.text))).toEqual([
          { hash: 'x', at: 1e300 },
          { n: 2 },
          undefined,
          { n: 1 },
          undefined,
          undefined,
          { hash: 'y', at: 1e300 },
          { n: 2 },
        ])
        expect(found[0]).toMatchObject({ id: 'b', gen: 2, hash: 'x', deleted: true, leaves: 2 })
        for (const [at, { id, ...rev }] of asked.entries()) {
          if (!id.includes('\u0000')) expect(await store.readRevision(ref, id, rev)).toEqual(found[at])
        }
        expect(await store.readRevisions(ref, [])).toEqual([])
        expect((await store.readTrees(ref, ['a\u0000', 'b'])).size).toBe(1)
        await other.dropDatabase(ref)
        await expect(store.readRevisions(ref, asked.slice(0, 2))).rejects.toMatchObject(noDatabase)
      })
    })

    describe('local documents', () => {
      const put = (ref: DatabaseRef, id: string, n: number | undefined, value: object = {}) =>
        store.writeLocal(ref, { id, n, text: JSON.stringify(value) })
      const remove = (ref: DatabaseRef, id: string, n?: number) => store.writeLocal(ref, { id, n, text: undefined })

      test.each<[string, number | undefined, number | undefined, object]>([
        ['a first one', undefined, undefined, { kind: 'ok', n: 1 }],
        ['a first one that names a revision', undefined, 6, { kind: 'ok', n: 7 }],
        ['replaced without revision: 1 again', 2, undefined, { kind: 'ok', n: 1 }],
        ['replaced with its revision', 2, 2, { kind: 'ok', n: 3 }],
        ['replaced with another revision, as in CouchDB', 2, 1, { kind: 'ok', n: 2 }],
        ['replaced with a revision to come', 2, 3, { kind: 'ok', n: 4 }],
      ])('%s', async (_name, there, n, outcome) => {
        const ref = await fresh()
        for (let at = 0; at < (there ?? 0); at += 1) await put(ref, '_local/a', at === 0 ? undefined : at, { old: 1 })
        expect(await put(ref, '_local/a', n, { new: 1 })).toEqual(outcome as never)
        const kept = outcome && 'n' in outcome
        expect(await store.readLocal(ref, '_local/a')).toEqual({
          id: '_local/a',
          n: kept ? Number(outcome.n) : (there ?? 0),
          text: kept ? '{"new":1}' : '{"old":1}',
        })
      })

      test('are deleted with their revision or without', async () => {
        const ref = await fresh()
        expect(await remove(ref, '_local/a')).toEqual({ kind: 'missing' })
        await put(ref, '_local/a', undefined)
        expect(await remove(ref, '_local/a', 2)).toEqual({ kind: 'ok', n: 0 })
        expect(await store.readLocal(ref, '_local/a')).toBeUndefined()
        await put(ref, '_local/a', undefined)
        expect(await remove(ref, '_local/a')).toEqual({ kind: 'ok', n: 0 })
        expect(await put(ref, '_local/a', undefined)).toEqual({ kind: 'ok', n: 1 })
      })

      test('keep their text to the letter', async () => {
        const ref = await fresh()
        const text = '{"z":1,"a":[1.0,1e5,12345678901234567890],"nul":"\\u0000"}'
        await store.writeLocal(ref, { id: '_local/é/😀', text })
        expect(await other.readLocal(ref, '_local/é/😀')).toEqual({ id: '_local/é/😀', n: 1, text })
      })

      test('are neither counted, numbered nor listed', async () => {
        const ref = await fresh()
        await write(edit(ref, 'a', {}))
        const before = await store.databaseInfo(ref)
        for (let n = 0; n < 5; n += 1) await put(ref, '_local/a', n === 0 ? undefined : n)
        expect(await store.databaseInfo(ref)).toMatchObject({
          updateSeq: before?.updateSeq,
          docCount: 1,
          deletedCount: 0,
        })
        const page = { descending: false, skip: 0, limit: 9, bodies: true }
        expect((await store.scanIds(ref, page)).map(({ id }) => id)).toEqual(['a'])
        expect(await store.read(ref, '_local/a')).toBeUndefined()
      })

      test('are read in pages and by id', async () => {
        const ref = await fresh()
        const ids = ['_local/B', '_local/a', '_local/b', '_local/é']
        for (const id of [...ids].reverse()) await put(ref, id, undefined, { id })
        const page = async (range: object) =>
          (await store.scanLocals(ref, { descending: false, skip: 0, limit: 9, bodies: false, ...range })).map(
            ({ id }) => id,
          )
        expect(await page({})).toEqual(ids)
        expect(await page({ descending: true, limit: 3, skip: 1 })).toEqual(ids.slice(0, 3).reverse())
        expect(await page({ start: { id: '_local/a', inclusive: false } })).toEqual(ids.slice(2))
        expect(await page({ end: { id: '_local/b', inclusive: true } })).toEqual(ids.slice(0, 3))
        const bodies = { descending: false, skip: 0, limit: 1, bodies: true }
        expect(await store.scanLocals(ref, bodies)).toEqual([{ id: '_local/B', n: 1, text: '{"id":"_local/B"}' }])
        const found = await store.readLocals(ref, ['_local/b', '_local/none', '_local/\u0000', '_local/a'])
        expect(found.map(({ id }) => id).sort()).toEqual(['_local/a', '_local/b'])
      })

      test('twenty writers with one revision are all accepted, and one of them stays', async () => {
        const ref = await fresh()
        await put(ref, '_local/a', undefined)
        const outcomes = await Promise.all(
          Array.from({ length: 20 }, (_, at) =>
            (at % 2 === 0 ? store : other).writeLocal(ref, { id: '_local/a', n: 1, text: `{"at":${at}}` }),
          ),
        )
        expect(outcomes).toEqual(outcomes.map(() => ({ kind: 'ok', n: 2 })))
        expect((await store.readLocal(ref, '_local/a'))?.text).toMatch(/^\{"at":\d+\}$/)
      })

      test('go with their database and stay in it', async () => {
        const ref = await fresh()
        const apart = await fresh()
        await put(ref, '_local/a', undefined)
        expect(await store.readLocal(apart, '_local/a')).toBeUndefined()
        await other.dropDatabase(ref)
        for (const ask of [
          () => put(ref, '_local/a', undefined),
          () => remove(ref, '_local/a'),
          () => store.readLocal(ref, '_local/a'),
          () => store.readLocals(ref, ['_local/a']),
          () => store.scanLocals(ref, { descending: false, skip: 0, limit: 9, bodies: false }),
        ]) {
          await expect(ask()).rejects.toMatchObject(noDatabase)
        }
        await other.createDatabase(ref)
        expect(await store.readLocal(ref, '_local/a')).toBeUndefined()
        expect(await store.readLocals(ref, ['_local/a'])).toEqual([])
        expect(await store.scanLocals(ref, { descending: false, skip: 0, limit: 9, bodies: false })).toEqual([])
      })
    })

    describe('compaction', () => {
      const chain = async (ref: DatabaseRef, id: string, length: number) => {
        const revs: RevisionId[] = []
        for (let n = 0; n < length; n += 1) {
          revs.push(revOf(await write(edit(ref, id, { n }, { parent: revs.at(-1) }))))
        }
        return revs
      }
      const withBody = async (ref: DatabaseRef, id: string) =>
        ((await store.readTree(ref, id))?.nodes ?? [])
          .filter((node) => node.hasBody)
          .map((node) => `${node.gen}-${node.hash}`)
          .sort()
      const names = (revs: readonly RevisionId[]) => revs.map(({ gen, hash }) => `${gen}-${hash}`).sort()

      test('drops superseded bodies and nothing else', async () => {
        const ref = await fresh()
        const apart = await fresh()
        const revs = await chain(ref, 'a', 4)
        const untouched = await chain(apart, 'a', 2)
        const revision = (path: string[], deleted = false) => ({
          ...{ id: 'c', gen: path.length, path, deleted },
          body: bodyOf({ leaf: path[0] }),
        })
        await store.replicate(ref, [revision(['r']), revision(['b', 'r']), revision(['d', 'r'], true)])
        await store.replicate(ref, [revision(['e', 'c', 'r'])])
        const gone = revOf(await write(edit(ref, 'gone', { n: 1 })))
        const tomb = revOf(await write(edit(ref, 'gone', { why: 1 }, { parent: gone, deleted: true })))
        const info = await store.databaseInfo(ref)
        const shapes = async () =>
          [...(await store.readTrees(ref, ['a', 'c', 'gone'])).values()].map(({ nodes, ...tree }) => ({
            ...tree,
            nodes: nodes.map(({ hasBody, ...node }) => node).sort((x, y) => (x.hash < y.hash ? -1 : 1)),
          }))
        const before = await shapes()
        expect(await withBody(ref, 'a')).toEqual(names(revs))
        await store.compact(ref)
        expect(await withBody(ref, 'a')).toEqual(names(revs.slice(3)))
        expect(await withBody(ref, 'c')).toEqual(['2-b', '2-d', '3-e'])
        expect(await withBody(ref, 'gone')).toEqual(names([tomb]))
        expect(await withBody(apart, 'a')).toEqual(names(untouched))
        expect(await shapes()).toEqual(before)
        expect(await store.databaseInfo(ref)).toEqual(info)
        expect(await store.readRevision(ref, 'a', revs[0] as RevisionId)).toBeUndefined()
        // A leaf that is promoted afterwards has its body.
        const winner = { gen: 3, hash: 'e' }
        await write(edit(ref, 'c', {}, { parent: winner, deleted: true, mustExist: true }))
        expect(await store.read(ref, 'c')).toMatchObject({ hash: 'b', text: expect.stringContaining('"b"') })
        await store.dropDatabase(ref)
        await expect(store.compact(ref)).rejects.toMatchObject(noDatabase)
      })

      test('keeps young bodies, at most so many a document', async () => {
        const ref = await fresh()
        const [a, b] = [await chain(ref, 'a', 6), await chain(ref, 'b', 3)]
        await store.compact(ref, { youngerThanMs: 60_000, perDocument: 2 })
        expect(await withBody(ref, 'a')).toEqual(names(a.slice(3)))
        expect(await withBody(ref, 'b')).toEqual(names(b))
        await new Promise((resolve) => setTimeout(resolve, 30))
        await store.compact(ref, { youngerThanMs: 20, perDocument: 2 })
        expect(await withBody(ref, 'a')).toEqual(names(a.slice(5)))
        expect(await withBody(ref, 'b')).toEqual(names(b.slice(2)))
      })

      test('goes through more than one page, beside writers', async () => {
        const ref = await fresh()
        const ids = Array.from({ length: 1_300 }, (_, n) => `d${n}`)
        const first = await store.write(ids.map((id) => edit(ref, id, { n: 1 })))
        await store.write(ids.map((id, at) => edit(ref, id, { n: 2 }, { parent: revOf(first[at]) })))
        await Promise.all([
          store.compact(ref),
          other.write(Array.from({ length: 200 }, (_, n) => edit(ref, `new${n}`, {}))),
          other.compact(ref),
        ])
        const trees = await store.readTrees(ref, ids)
        expect(
          [...trees.values()].filter(({ nodes }) => nodes.filter(({ hasBody }) => hasBody).length === 1),
        ).toHaveLength(ids.length)
      })
    })

    describe('beside another process', () => {
      test('a database dropped there and made again holds nothing old here', async () => {
        const ref = await fresh()
        await store.write([edit(ref, 'a', {}), edit(ref, 'b', {}), edit(ref, '_design/i', {})])
        expect(await store.countIds(ref, {})).toBe(3)
        const page = { descending: false, skip: 0, limit: 9, bodies: true }
        const rev = { gen: 1, hash: 'x' }
        await other.dropDatabase(ref)
        for (const look of [
          () => store.scanIds(ref, page),
          () => store.readMany(ref, ['a'], true),
          () => store.readTree(ref, 'a'),
          () => store.readTrees(ref, ['a']),
          () => store.readRevision(ref, 'a', rev),
          () => store.readRevisions(ref, [{ ...rev, id: 'a' }]),
          () => store.countIds(ref, {}),
          () => store.indexes(ref),
          () => store.changes(ref, { descending: false, limit: 1, bodies: false }),
          () => store.countChanges(ref, { descending: false }),
          () => store.read(ref, 'a'),
          () => store.read(ref, 'a\u0000'),
        ]) {
          await expect(look()).rejects.toMatchObject(noDatabase)
        }
        for (const dropped of [true, false]) {
          if (!dropped) await other.dropDatabase(ref)
          await other.createDatabase(ref)
          expect(await store.scanIds(ref, page)).toEqual([])
          expect(await store.readMany(ref, ['a'], true)).toEqual([])
          expect(await store.readTree(ref, 'a')).toBeUndefined()
          expect((await store.readTrees(ref, ['a'])).size).toBe(0)
          expect(await store.readRevision(ref, 'a', rev)).toBeUndefined()
          expect(await store.countIds(ref, {})).toBe(0)
          expect(await store.read(ref, 'a')).toBeUndefined()
          await write(edit(ref, 'a', {}))
        }
        await other.dropDatabase(ref)
        await other.createDatabase(ref)
        await other.write([edit(ref, 'new', {})])
        expect((await store.scanIds(ref, page)).map(({ id }) => id)).toEqual(['new'])
        expect((await store.readTree(ref, 'new'))?.nodes).toHaveLength(1)
      })

      test('what it has written is read at once, and one of two writers wins', async () => {
        const ref = await fresh()
        for (let n = 0; n < 20; n += 1) {
          const id = `d${n}`
          const [mine, theirs] = await Promise.all([
            store.write([edit(ref, id, { mine: n })]),
            other.write([edit(ref, id, { theirs: n })]),
          ])
          const kinds = [mine[0]?.kind, theirs[0]?.kind]
          expect(kinds.sort()).toEqual(['conflict', 'ok'])
          expect(await store.read(ref, id)).toEqual(await other.read(ref, id))
        }
        expect(await other.databaseInfo(ref)).toMatchObject({ docCount: 20, updateSeq: 20n })
      })
    })

    describe('pages', () => {
      const ids = ['A', 'B', 'a', 'b', 'é', '\uffff', '😀', '_design/q', '日本']
      const inBytes = [...ids].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)))

      test('ids come in byte order, both ways, within bounds', async () => {
        const ref = await fresh()
        await store.write(ids.map((id) => edit(ref, id, { id })))
        await write(edit(ref, 'gone', {}, { deleted: true }))
        const page = async (range: object) =>
          (await store.scanIds(ref, { descending: false, skip: 0, limit: 100, bodies: true, ...range })).map(
            (d) => d.id,
          )
        expect(await page({})).toEqual(inBytes)
        expect(await page({ descending: true })).toEqual([...inBytes].reverse())
        expect(await page({ designs: 'none' })).toEqual(inBytes.filter((id) => id !== '_design/q'))
        expect(await page({ designs: 'only' })).toEqual(['_design/q'])
        expect(await page({ start: { id: 'a', inclusive: false }, limit: 2, skip: 1 })).toEqual(['é', '日本'])
        expect(await page({ end: { id: 'B', inclusive: true }, descending: true })).toEqual(['B', 'A'])
        expect(await store.countIds(ref, { end: { id: 'a', inclusive: false } })).toBe(3)
      })

      test('many documents at once, tombstones too', async () => {
        const ref = await fresh()
        await store.write([edit(ref, 'a', { v: 1 }), edit(ref, 'b', {}, { deleted: true })])
        const found = await store.readMany(ref, ['b', 'nope', 'a'], true)
        expect(found.map((d) => [d.id, d.deleted]).sort()).toEqual([
          ['a', false],
          ['b', true],
        ])
      })
    })

    describe('indexes', () => {
      const design = (fields: string[], name = 'v') => ({
        language: 'query',
        views: {
          [name]: {
            map: { fields: Object.fromEntries(fields.map((field) => [field, 'asc'])), partial_filter_selector: {} },
            reduce: '_count',
            options: { def: { fields } },
          },
        },
      })
      const scanAll = async (ref: DatabaseRef, scan: object = {}) => {
        const list = await store.indexes(ref, { fresh: true })
        const indexId = list?.views[0]?.indexId ?? -1
        const rows = await store.scanIndex(ref, {
          indexId,
          epoch: list?.epoch ?? -1,
          range: { equal: [] },
          descending: false,
          limit: 100,
          ...scan,
        })
        return rows.map((row) => row.id)
      }

      test('a scan keeps to its range, its direction and its place', async () => {
        const ref = await fresh()
        await write(edit(ref, '_design/i', design(['a', 'b'])))
        const cells = ['x', 'y', 'z'].flatMap((a) => [1, 2, 3].map((b) => ({ a, b })))
        await store.write(cells.map((cell) => edit(ref, `${cell.a}${cell.b}`, cell)))
        const list = await store.indexes(ref)
        const base = { indexId: list?.views[0]?.indexId ?? -1, epoch: list?.epoch ?? -1, limit: 100 }
        const whole = await store.scanIndex(ref, { ...base, range: { equal: [] }, descending: false })
        const at = (id: string) => whole.find((row) => row.id === id) ?? whole[0]!
        const part = (id: string, column: number) => at(id).parts[column]!
        const scan = async (range: object, more: object = {}) => {
          const given = { ...base, range: { equal: [], ...range }, descending: false, ...more }
          return (await store.scanIndex(ref, given)).map(({ id }) => id).join(' ')
        }
        expect(await scan({ equal: [part('y1', 0)] })).toBe('y1 y2 y3')
        expect(await scan({ equal: [part('y1', 0), part('y2', 1)] })).toBe('y2')
        const low = (inclusive: boolean) => ({ part: part('y1', 0), inclusive })
        expect(await scan({ low: low(true) })).toBe('y1 y2 y3 z1 z2 z3')
        expect(await scan({ low: low(false) })).toBe('z1 z2 z3')
        expect(await scan({ high: low(true) })).toBe('x1 x2 x3 y1 y2 y3')
        expect(await scan({ high: low(false) }, { descending: true })).toBe('x3 x2 x1')
        const inner = { equal: [part('x1', 0)], low: { part: part('x2', 1), inclusive: true } }
        expect(await scan(inner)).toBe('x2 x3')
        expect(await scan({}, { after: at('y2'), limit: 2 })).toBe('y3 z1')
        expect(await scan({}, { after: at('y2'), limit: 2, descending: true })).toBe('y1 x3')
        expect(await scan(inner, { after: at('x2') })).toBe('x3')
        expect(at('y2').document).toMatchObject({ id: 'y2', gen: 1, text: expect.stringContaining('"y"') })
      })

      test('a scan planned with an old list of indexes says so', async () => {
        const ref = await fresh()
        const rev = revOf(await write(edit(ref, '_design/i', design(['n']))))
        await write(edit(ref, 'a', { n: 1 }))
        const list = await store.indexes(ref)
        const { indexId = -1 } = list?.views[0] ?? {}
        const scan = { indexId, epoch: list?.epoch ?? -1, range: { equal: [] }, descending: false, limit: 9 }
        expect(await store.scanIndex(ref, scan)).toHaveLength(1)
        await other.write([edit(ref, '_design/j', design(['m']))])
        await expect(store.scanIndex(ref, scan)).rejects.toThrow(StaleIndexes)
        await other.write([edit(ref, '_design/i', {}, { deleted: true, parent: rev })])
        await expect(store.scanIndex(ref, scan)).rejects.toThrow(StaleIndexes)
        expect((await store.indexes(ref, { fresh: true }))?.views.map(({ ddoc }) => ddoc)).toEqual(['_design/j'])
        await other.dropDatabase(ref)
        await expect(store.scanIndex(ref, scan)).rejects.toThrow(StaleIndexes)
        await expect(store.indexes(ref, { fresh: true })).rejects.toMatchObject(noDatabase)
      })

      test('writers that do not know of a new index fill it all the same', async () => {
        const ref = await fresh()
        await store.write([edit(ref, 'old', { n: 0 }), edit(ref, 'moved', { n: 1 })])
        await other.write([edit(ref, '_design/i', design(['n']))])
        await store.write([edit(ref, 'new', { n: 2 }), edit(ref, 'none', {})])
        expect(await scanAll(ref)).toEqual(['old', 'moved', 'new'])
      })

      test('an index made while documents are written, deleted and forked misses none of them', async () => {
        const ref = await fresh()
        const ids = Array.from({ length: 1_500 }, (_, n) => `d${String(n).padStart(4, '0')}`)
        const written = await store.write(ids.map((id, n) => edit(ref, id, { n })))
        const change = async (n: number) => {
          const id = ids[n] ?? ''
          const parent = revOf(written[n])
          if (n % 3 === 0) await store.write([edit(ref, id, { n }, { parent, deleted: true })])
          // A root of its own that loses: the winner stays, its sequence moves.
          if (n % 3 === 1) {
            await other.replicate(ref, [{ id, gen: 1, path: ['0'], deleted: false, body: bodyOf({ n: -1 }) }])
          }
          if (n % 3 === 2) await other.write([edit(ref, id, { n: n + 0.5 }, { parent })])
        }
        const making = other.write([edit(ref, '_design/i', design(['n']))]).then(() => other.indexes(ref))
        for (let from = 1_200; from > 0; from -= 40) {
          await Promise.all(Array.from({ length: 40 }, (_, n) => change(from + n)))
        }
        await making
        const live = ids.filter((_, n) => n < 40 || n >= 1_240 || n % 3 !== 0)
        expect(await scanAll(ref, { limit: 5_000 })).toEqual(live)
      })

      test.each(['before', 'after'])('an index made %s the documents holds them in order', async (when) => {
        const ref = await fresh()
        const makeIndex = () => write(edit(ref, '_design/i', design(['n'])))
        if (when === 'before') await makeIndex()
        await store.write(
          [3, null, 'b', 'a', true, 1.5, -2, 'É', undefined].map((n, at) =>
            edit(ref, `d${at}`, n === undefined ? {} : { n }),
          ),
        )
        if (when === 'after') await makeIndex()
        expect(await scanAll(ref)).toEqual(['d1', 'd4', 'd6', 'd5', 'd0', 'd3', 'd2', 'd7'])
        expect(await scanAll(ref, { descending: true, limit: 2 })).toEqual(['d7', 'd2'])
      })

      test('entries follow updates and deletions', async () => {
        const ref = await fresh()
        await write(edit(ref, '_design/i', design(['n'])))
        const [a, b, c] = await store.write(['a', 'b', 'c'].map((id, n) => edit(ref, id, { n })))
        await write(edit(ref, 'a', { n: 9 }, { parent: revOf(a) }))
        await write(edit(ref, 'b', { other: 1 }, { parent: revOf(b) }))
        expect(await scanAll(ref)).toEqual(['c', 'a'])
        await write(edit(ref, 'c', {}, { parent: revOf(c), deleted: true }))
        expect(await scanAll(ref)).toEqual(['a'])
      })

      test('a scan for keys alone gives documents only where keys do not tell their values', async () => {
        const ref = await fresh()
        const values = {
          array: [1],
          float: '1.0',
          integer: 1,
          negative: -2.5,
          nul: 'a\u0000',
          long: 'x'.repeat(3_000),
          text: 'a',
        }
        const body = (id: string) => (id === 'float' ? textBody('{"v":1.0}') : bodyOf({ v: values[id as 'array'] }))
        const ids = Object.keys(values)
        const half = ids.filter((_, at) => at % 2 === 0)
        await store.write(half.map((id) => ({ ...edit(ref, id, {}), body: body(id) })))
        await write(edit(ref, '_design/i', design(['v'])))
        const list = await store.indexes(ref, { fresh: true })
        const scan = {
          indexId: list.views[0]?.indexId ?? -1,
          epoch: list.epoch,
          range: { equal: [] },
          descending: false,
        }
        await store.write(
          ids.filter((id) => !half.includes(id)).map((id) => ({ ...edit(ref, id, {}), body: body(id) })),
        )
        const rows = await store.scanIndex(ref, { ...scan, limit: 100, keysOnly: true })
        expect(rows.filter(({ document }) => document === undefined).map(({ id }) => id)).toEqual([
          ...['negative', 'integer', 'text'],
        ])
        const whole = await store.scanIndex(ref, { ...scan, limit: 100 })
        expect(whole.map(({ id, parts }) => ({ id, parts }))).toEqual(rows.map(({ id, parts }) => ({ id, parts })))
        expect(whole.every(({ document }) => document !== undefined)).toBe(true)
        // The same key, written otherwise.
        const parent = whole.find(({ id }) => id === 'integer')?.document
        await store.write([{ ...edit(ref, 'integer', {}, { parent }), body: textBody('{"v":1.0}') }])
        const again = await store.scanIndex(ref, { ...scan, limit: 100, keysOnly: true })
        expect(again.find(({ id }) => id === 'integer')?.document?.text).toBe('{"v": 1.0}')
      })

      test('an entry follows a change that is none to the order', async () => {
        const ref = await fresh()
        await write(edit(ref, '_design/i', design(['s'])))
        const parent = revOf(await write(edit(ref, 'a', { s: '\u00e9' })))
        await write(edit(ref, 'a', { s: 'e\u0301' }, { parent }))
        const list = await store.indexes(ref)
        const [row] = await store.scanIndex(ref, {
          ...{ indexId: list?.views[0]?.indexId ?? -1, epoch: list?.epoch ?? -1 },
          ...{ range: { equal: [] }, descending: false, limit: 1 },
        })
        expect(row?.parts.map(({ s }) => s)).toEqual(['e\u0301'])
      })

      test('equal definitions share an index, and it goes with the last of them', async () => {
        const ref = await fresh()
        const first = revOf(await write(edit(ref, '_design/i', design(['n']))))
        await write(edit(ref, '_design/j', design(['n'])))
        const list = await store.indexes(ref)
        expect(list?.views.map((view) => [view.ddoc, view.indexId])).toEqual([
          ['_design/i', 1],
          ['_design/j', 1],
        ])
        await write(edit(ref, '_design/i', {}, { deleted: true, parent: first }))
        expect((await store.indexes(ref))?.views.map((view) => view.ddoc)).toEqual(['_design/j'])
      })

      test('a value too long for a btree row is found in its place', async () => {
        const ref = await fresh()
        await write(edit(ref, '_design/i', design(['s', 't'])))
        // Random text does not compress: it would fail the insert of a btree row.
        const long = (first: string) =>
          first + Array.from({ length: 6_000 }, () => String.fromCharCode(97 + Math.random() * 26)).join('')
        await store.write(
          ['a', long('b'), 'c', long('d'), 'e'].map((s, at) => edit(ref, `d${at}`, { s, t: long('t') })),
        )
        expect(await scanAll(ref)).toEqual(['d0', 'd1', 'd2', 'd3', 'd4'])
        expect(await scanAll(ref, { descending: true, limit: 3 })).toEqual(['d4', 'd3', 'd2'])
      })
    })
  })
}
