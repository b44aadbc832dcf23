import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ApplianceStage, openStage, type StageOptions } from '../../support/appliance.ts'
import { differing } from './differing.ts'
import { Replayer, recordedRows } from './replayer.ts'

const fixtures = fileURLToPath(new URL('fixtures/', import.meta.url))
const seed = JSON.parse(readFileSync(join(fixtures, 'jidoteki-admin-api.json'), 'utf8')) as Record<string, unknown>
const off = { 'first-run': { enabled: false } }
const openssl = spawnSync('openssl', ['version']).status === 0
if (!openssl) console.warn('skipped: rows with certificates, since openssl is not on PATH')

interface Phase {
  readonly stage: StageOptions
  readonly token: boolean
  /** Needs of rows that this server meets. */
  readonly meets: readonly string[]
}

/** The machine that the recorded health is of. */
const machine = {
  loadavg: '0.66 0.28 0.14 1/123 4567\n',
  meminfo: 'MemTotal:        1024000 kB\nMemFree:          100000 kB\nMemAvailable:     757760 kB\n',
  stat: 'cpu  1 0 1 10 0 0 0 0 0 0\ncpu0 1 0 1 10 0 0 0 0 0 0\n',
}
const gibibyte = 1024 ** 3
const recordedDisk = async () => ({
  blockBytes: 4096,
  blocks: Math.floor((234 * gibibyte) / 4096),
  free: Math.floor((230.65 * gibibyte) / 4096),
  available: Math.floor((230.65 * gibibyte) / 4096),
})
const noDisk = async () => {
  throw new Error('there is no disk')
}

const withFiles = ({ root, system }: { readonly root: string; readonly system: string }) => {
  for (const name of ['version.txt', 'changelog.txt', 'updates.key', 'updates.pub']) {
    copyFileSync(join(fixtures, name), join(root, 'etc', name))
  }
  mkdirSync(join(system, 'proc'))
  for (const [name, text] of Object.entries(machine)) writeFileSync(join(system, 'proc', name), text)
  for (const name of ['build.json', 'storage-options.json']) copyFileSync(join(fixtures, name), join(system, name))
}

const phases: Readonly<Record<string, Phase>> = {
  fresh: { stage: { config: { ...seed, ...off } }, token: false, meets: [] },
  virgin: {
    stage: { config: { ...seed, ...off, paths: { proc: '/nowhere' } }, more: { blocksOf: noDisk } },
    token: true,
    meets: ['nofiles', 'nolicense'],
  },
  main: {
    stage: {
      config: { ...seed, ...off, paths: { proc: 'SYSTEM/proc' } },
      prepare: withFiles,
      more: { blocksOf: recordedDisk },
    },
    token: true,
    meets: ['files', 'version', 'p1', 'reboot', 'nolicense'],
  },
  off: { stage: { config: { ...seed, endpoints: [], ...off } }, token: true, meets: [] },
  firstrun: {
    stage: { config: { ...seed, 'first-run': { enabled: true, 'word-length': 4 } } },
    token: false,
    meets: [],
  },
}

for (const [phase, { stage: options, token, meets }] of Object.entries(phases)) {
  describe(`recorded answers, phase ${phase}`, () => {
    let stage: ApplianceStage
    let replayer: Replayer
    beforeAll(async () => {
      stage = await openStage(options)
      if (token) await stage.appliance.token.setFirst('yourtoken')
      replayer = new Replayer(stage.port, stage.appliance.token.passphrase)
    })
    afterAll(async () => {
      replayer.close()
      await stage.close()
    })
    const rows = recordedRows().filter((row) => row.phase === phase)
    for (const row of rows) {
      const unmet = (row.needs ?? []).filter((need) => !meets.includes(need))
      const pki = !openssl && JSON.stringify(row).includes('"pki"')
      if (unmet.length > 0 || pki) {
        test.skip(`${row.name} (needs ${unmet.join(', ') || 'openssl'})`, () => {})
        continue
      }
      test(`${row.name}: ${row.method} ${row.target.replace(/\?.*/, '')}`, async () => {
        const found = await replayer.check(row)
        const reason = differing[row.name]
        if (reason === undefined) expect(found).toEqual([])
        else expect(found, `agrees by now, though listed: ${reason}`).not.toEqual([])
      })
    }
  })
}
