/** Paths in a tenant's tree: absolute, `/` between names, no `/` at the end except in the root's own. */
import { trashPath } from './node.ts'
import { deepPath, relativePath } from './problems.ts'

/** Directories above one another, the root not counted. */
export const maxLevels = 512

export function joinPath(directoryPath: string, name: string): string {
  return directoryPath === '/' ? `/${name}` : `${directoryPath}/${name}`
}

/** Without empty names, `.` and `..`. @throws Problem 400 for a path that is not absolute */
export function cleanPath(path: string): string {
  if (!path.startsWith('/')) throw relativePath()
  const names: string[] = []
  for (const name of path.split('/')) {
    if (name === '..') names.pop()
    else if (name !== '' && name !== '.') names.push(name)
  }
  return `/${names.join('/')}`
}

/** The parent of a normalised path, and its name. The root has neither. */
export function splitPath(path: string): { readonly parent: string; readonly name: string } {
  const slash = path.lastIndexOf('/')
  return { parent: path.slice(0, slash) || '/', name: path.slice(slash + 1) }
}

/** The trash itself, or below it. */
export function isInTrash(path: string): boolean {
  return path === trashPath || path.startsWith(`${trashPath}/`)
}

/** @throws Problem 422 when a directory would lie deeper than `maxLevels` */
export function checkLevels(path: string): void {
  if (path.length <= maxLevels || path === '/') return
  let levels = 0
  for (const character of path) if (character === '/') levels += 1
  if (levels > maxLevels) throw deepPath()
}
