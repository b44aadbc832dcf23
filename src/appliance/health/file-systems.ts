/** The file systems of the machine. A server that is gone makes a question about its mount wait for ever: nothing here waits for it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Mount, parseMounts } from './proc.ts'
import { type DiskBlocks, usedBytes, usedPercent } from './sample.ts'

const patienceMs = 2_000

export interface FileSystem {
  readonly mountpoint: string
  readonly type: string
  readonly read_only: boolean
  readonly total?: number
  readonly used?: number
  readonly available?: number
  readonly percentage?: number
  /** The question has not come back in time. It is not asked again before it has. */
  readonly stuck?: true
}

/** Opens the list of the file systems in a proc file system. */
export function newFileSystems(
  proc: string,
  blocksOf: (path: string) => Promise<DiskBlocks>,
): () => Promise<FileSystem[]> {
  const asked = new Map<string, Promise<DiskBlocks>>()
  const measure = async (mount: Mount): Promise<FileSystem> => {
    const facts = { mountpoint: mount.mountpoint, type: mount.type, read_only: mount.readOnly }
    let question = asked.get(mount.mountpoint)
    if (question === undefined) {
      question = blocksOf(mount.mountpoint)
      asked.set(mount.mountpoint, question)
      const forget = () => asked.delete(mount.mountpoint)
      question.then(forget, forget)
    }
    const found = await Promise.race([question.catch(() => undefined), late()])
    if (found === 'late') return { ...facts, stuck: true }
    if (found === undefined) return facts
    const { blocks, available, blockBytes } = found
    return {
      ...facts,
      total: blocks * blockBytes,
      used: usedBytes(found),
      available: available * blockBytes,
      percentage: usedPercent(found),
    }
  }
  return async () => Promise.all(parseMounts(readFileSync(join(proc, 'self/mountinfo'), 'utf8')).map(measure))
}

function late(): Promise<'late'> {
  return new Promise((resolve) => {
    setTimeout(() => resolve('late'), patienceMs)
  })
}
