/** Detects what a file system can do, in our own folder. */
import { access, readdir, rm, writeFile } from 'node:fs/promises'
import { renameFlags, renameWith } from '../../../platform/runtime.ts'
import { type Capabilities, ownFolder } from '../contract.ts'
import type { Folders } from './folders.ts'

const composed = 'probe-\u00e9'

export async function probe(folders: Folders): Promise<Capabilities> {
  return folders.making(`${ownFolder}/probe`, async ({ path }) => {
    const at = (suffix: string) => `${path.slice(0, path.lastIndexOf('/'))}/${suffix}`
    const lower = at('probe-lower')
    const [one, two] = [at('probe-one'), at('probe-two')]
    try {
      for (const file of [lower, one, two, at(composed)]) await writeFile(file, '')
      const caseSensitive = await access(at('PROBE-LOWER')).then(
        () => false,
        () => true,
      )
      const names = await readdir(at(''))
      return {
        caseSensitive,
        keepsUnicode: names.includes(composed),
        atomicReplace: renameWith(renameFlags.exchange, one, two),
        keepsExecutable: true,
        maxSegmentBytes: 255,
        wholeFiles: false,
      }
    } finally {
      for (const file of [lower, one, two, at(composed)]) await rm(file, { force: true })
    }
  })
}
