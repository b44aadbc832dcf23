/**
 * Fails when a file imports against the drawing in the README:
 * `routes -> src -> storage/NAME/contract.ts <- storage/NAME/...`, with `src/model`, `src/platform` and `src/compat` below all of them.
 * Run by `npm run check`. Tests may import what they test from everywhere.
 */
import { readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { sourceFiles } from './source-files.ts'

/** Files that put the parts together: they alone know which store is behind a contract. */
const wiring =
  /^src\/(app|services|faces|job-workers|store|objects|doctor|main)\.ts$|^src\/cli\/|^src\/backup\/database\.ts$/

const leaf = /^src\/(model|platform|compat)\//
const contract = /^storage\/(\w+\/contract(\/[\w-]+)?|coalescer)\.ts$/

/** What the files of a layer may import; the first layer that fits a file counts. */
const layers: readonly { readonly files: RegExp; readonly mayImport: (target: string, file: string) => boolean }[] = [
  { files: leaf, mayImport: (target, file) => folderOf(target, 2) === folderOf(file, 2) },
  { files: contract, mayImport: (target) => leaf.test(target) || contract.test(target) },
  {
    files: /^storage\//,
    mayImport: (target, file) =>
      leaf.test(target) || contract.test(target) || folderOf(target, 2) === folderOf(file, 2),
  },
  { files: wiring, mayImport: (target, file) => !/^routes\//.test(target) || /^src\/(app|faces)\.ts$/.test(file) },
  { files: /^src\//, mayImport: (target) => /^src\//.test(target) || contract.test(target) },
  {
    files: /^routes\//,
    mayImport: (target) =>
      /^routes\//.test(target) || contract.test(target) || (/^src\//.test(target) && !wiring.test(target)),
  },
]

function folderOf(path: string, depth: number): string {
  return path.split('/').slice(0, depth).join('/')
}

/** Imports of a file against the drawing, as messages. */
export function wrongImports(file: string, text: string): readonly string[] {
  const layer = layers.find(({ files }) => files.test(file))
  if (layer === undefined) return []
  const imported = [...text.matchAll(/(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g)].map(([, path = '']) =>
    normalize(join(dirname(file), path)),
  )
  const refused = imported.filter((target) => /\.[cm]?tsx?$/.test(target) && !layer.mayImport(target, file))
  return refused.map((target) => `${file} must not import ${target}`)
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..')
  const wrong = sourceFiles(root).flatMap((path) => wrongImports(relative(root, path), readFileSync(path, 'utf8')))
  for (const message of wrong) console.error(message)
  if (wrong.length > 0) process.exit(1)
}
