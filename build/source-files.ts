import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Paths of the program's own source files, without tests and what only tests use. */
export function sourceFiles(root: string): readonly string[] {
  return ['routes', 'src', 'storage'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /(?<!\.test|\.d)\.ts$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => !path.includes('/testing/')),
  )
}
