/** `listeners.json` in the data directory: where a running server really listens, for scripts. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ListenerAddress, type ListenerName, listenerNames } from './listeners.ts'

/** The file's content. Listeners that are off are null. */
export type ListenersFile = { readonly pid: number } & Readonly<Record<ListenerName, ListenerAddress | null>>

/** Writes the file, whole or not at all. */
export async function writeListenersFile(
  dataDir: string,
  addresses: Readonly<Partial<Record<ListenerName, ListenerAddress>>>,
): Promise<void> {
  const content = {
    pid: process.pid,
    ...Object.fromEntries(listenerNames.map((name) => [name, addresses[name] ?? null])),
  }
  const file = pathIn(dataDir)
  await writeFile(`${file}.tmp`, `${JSON.stringify(content, null, 2)}\n`)
  await rename(`${file}.tmp`, file)
}

/** Removes the file if this process wrote it. */
export async function removeListenersFile(dataDir: string): Promise<void> {
  if ((await readListenersFile(dataDir))?.pid === process.pid) await rm(pathIn(dataDir), { force: true })
}

/** What a server wrote, running or not; `undefined` when there is no readable file. */
export async function readListenersFile(dataDir: string): Promise<ListenersFile | undefined> {
  try {
    return JSON.parse(await readFile(pathIn(dataDir), 'utf8')) as ListenersFile
  } catch {
    return undefined
  }
}

function pathIn(dataDir: string): string {
  return join(dataDir, 'listeners.json')
}
