/** A rename seen in a place without file ids, and one brought there: in neither case do contents travel again. */
import { expect, test } from 'bun:test'
import type { Driver, DriverKind } from '../../src/sync/drivers/contract.ts'
import { postgresBin } from '../support/postgres.ts'
import { inWorld } from './world.ts'

export interface RenamedPlace {
  readonly kind: DriverKind
  /** Options of a new, empty place. */
  options(): Promise<Record<string, unknown>>
  /** Renames there as somebody else would. */
  rename(options: Record<string, unknown>, from: string, to: string): Promise<void>
  read(options: Record<string, unknown>, name: string): Promise<string | undefined>
}

/** Counts what is staged through a driver. */
function counted(kind: DriverKind, onStage: () => void): DriverKind {
  return {
    ...kind,
    async open(options, context) {
      const driver: Driver = await kind.open(options, context)
      const stage: Driver['stage'] = (key, request) => {
        onStage()
        return driver.stage(key, request)
      }
      return { ...driver, stage }
    },
  }
}

export function renameScenario(title: string, newPlace: () => RenamedPlace, canRun = true): void {
  test.skipIf(!canRun || postgresBin() === undefined)(
    `${title}: renamed there or here -> renamed on the other side, no content travels`,
    async () => {
      const place = newPlace()
      const options = await place.options()
      let staged = 0
      const kind = counted(place.kind, () => staged++)
      await inWorld({ entries: ['A'], rules: [], kinds: [kind] }, async (world) => {
        await world.create('R', kind.name, options)
        await world.rules([{ match: { path: '/' }, sync: ['A', 'R'] }])
        for (let n = 0; n < 12; n++) await world.folder('A').place(`d/${n}`, `content ${n}`)
        await world.until('copies', async () => (await world.store.counts()).every(({ waiting }) => waiting === 0))
        // Copies run beside each other: the last need not be the last to arrive.
        for (let n = 0; n < 12; n++)
          await world.until(`copy ${n}`, async () => (await place.read(options, `d/${n}`)) === `content ${n}`)
        expect(staged).toBe(12)

        for (let n = 0; n < 12; n++) await place.rename(options, `d/${n}`, `e/${n}`)
        await world.engine.runner('R').scan()
        await world.until('renamed here', async () =>
          Object.keys(await world.folder('A').all()).every((name) => name.startsWith('e/')),
        )
        await world.quiet()
        expect(await world.folder('A').all()).toEqual(
          Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`e/${n}`, `content ${n}`]).sort()),
        )
        expect((await world.store.entry('R'))?.held).toBe('')

        for (let n = 0; n < 12; n++) await world.folder('A').rename(`e/${n}`, `f/${n}`)
        for (let n = 0; n < 12; n++)
          await world.until(
            `renamed there ${n}`,
            async () => (await place.read(options, `f/${n}`)) === `content ${n}`,
            60_000,
          )
        await world.quiet()
        expect(await place.read(options, 'e/3')).toBeUndefined()
        expect(await place.read(options, 'f/3')).toBe('content 3')
        expect((await world.ops()).filter((op) => op === 'copied')).toHaveLength(12)
        expect(staged).toBe(12)
      })
    },
    120_000,
  )
}
