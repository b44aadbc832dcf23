/**
 * Fails when two source files share more than `maxEqual` equal lines in a row, imports aside, unless a comment in each of
 * them says why: it begins with `The same lines as in PATH:`. Run by `npm run check`.
 */
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { sourceFiles } from './source-files.ts'

const maxEqual = 15

export interface Source {
  readonly path: string
  readonly text: string
}

/** Pairs of files that share too much, as messages. */
export function duplicates(files: readonly Source[]): readonly string[] {
  const owners = new Map<string, Set<Source>>()
  for (const file of files) {
    const lines = linesOf(file.text)
    for (let at = 0; at + maxEqual < lines.length; at += 1) {
      const run = lines.slice(at, at + maxEqual + 1).join('\n')
      const known = owners.get(run)
      if (known) known.add(file)
      else owners.set(run, new Set([file]))
    }
  }
  const found = new Map<string, string>()
  for (const [run, set] of owners) {
    const [first, ...others] = set
    for (const other of others) {
      if (first === undefined || (excuses(first, other) && excuses(other, first))) continue
      const pair = `${first.path} and ${other.path}`
      if (!found.has(pair)) found.set(pair, `${pair} share more than ${maxEqual} lines, from: ${run.split('\n')[0]}`)
    }
  }
  return [...found.values()]
}

function excuses(file: Source, other: Source): boolean {
  return file.text.includes(`The same lines as in ${other.path}:`)
}

/** Without imports, indentation and blank lines. */
function linesOf(text: string): readonly string[] {
  const code = text.replaceAll(/^(?:import|export) (?:type )?(?:\{[^}]*\}|\S+)(?:, \{[^}]*\})? from '[^']+'.*$/gm, '')
  return code
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..')
  const files = sourceFiles(root).map((path) => ({ path: relative(root, path), text: readFileSync(path, 'utf8') }))
  const messages = duplicates(files)
  for (const message of messages) console.error(message)
  if (messages.length > 0) process.exit(1)
}
