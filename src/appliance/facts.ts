/** Facts about the machine: version, changelog, build. They change only with an update. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readIfThere } from './durable-file.ts'
import { isObject } from './json-upload.ts'
import type { Places } from './places.ts'

export interface Facts {
  /** The first line of the version file; `undefined` when there is none or it is empty. */
  version(): Promise<string | undefined>
  changelog(): Promise<string | undefined>
  /** The build file's JSON object as text. */
  build(): Promise<string | undefined>
}

/** Reads what the maker of the image, or the last update, has put there. */
export function openFacts(places: Places): Facts {
  const current = join(places.root, 'current')
  const any = async (name: string, ...folders: readonly string[]) => {
    for (const folder of folders) {
      const text = await readIfThere(join(folder, name))
      if (text !== undefined) return text
    }
    return undefined
  }
  return {
    version: async () => firstLine(await any('version.txt', current, places.etc)),
    changelog: () => any('changelog.txt', current, places.etc),
    async build() {
      const text = await any('build.json', current, places.etc, places.system)
      if (text === undefined) return undefined
      try {
        return isObject(JSON.parse(text)) ? text.trim() : undefined
      } catch {
        return undefined
      }
    },
  }
}

/** The version of the machine, for environments of hooks; `0.0.0` when it is not known. */
export function versionNow({ root, etc }: Places): string {
  for (const folder of [join(root, 'current'), etc]) {
    try {
      const line = firstLine(readFileSync(join(folder, 'version.txt'), 'utf8'))
      if (line !== undefined) return line
    } catch {
      // The next place may have it.
    }
  }
  return '0.0.0'
}

function firstLine(text: string | undefined): string | undefined {
  const line = text?.split('\n')[0]?.trim()
  return line === '' ? undefined : line
}
