/** Watches a folder and everything below it. Hints are always verified, so a few too many do no harm; too few would. */
import { watch } from 'node:fs'
import { isOwn } from '../contract.ts'

/** Calls `lost` at every sign that something may have been missed. Returns the function that ends it. */
export function watchFolder(root: string, hint: (name: string) => void, lost: () => void): () => void {
  const watcher = watch(root, { recursive: true }, (_event, name) => {
    // Bun reports nothing when the folder itself went away.
    if (typeof name !== 'string') lost()
    else if (!isOwn(name)) hint(name)
  })
  watcher.on('error', lost)
  return () => watcher.close()
}
