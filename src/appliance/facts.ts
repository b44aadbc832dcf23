/** What the machine says of itself: version, changelog, build. They change only with an update. */
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
  const either = async (name: string) =>
    (await readIfThere(join(places.etc, name))) ?? (await readIfThere(join(places.system, name)))
  return {
    version: async () => firstLine(await readIfThere(join(places.etc, 'version.txt'))),
    changelog: () => readIfThere(join(places.etc, 'changelog.txt')),
    async build() {
      const text = await either('build.json')
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
export function versionNow({ etc }: Places): string {
  try {
    return firstLine(readFileSync(join(etc, 'version.txt'), 'utf8')) ?? '0.0.0'
  } catch {
    return '0.0.0'
  }
}

function firstLine(text: string | undefined): string | undefined {
  const line = text?.split('\n')[0]?.trim()
  return line === '' ? undefined : line
}
