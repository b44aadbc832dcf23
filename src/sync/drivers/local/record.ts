/** Reads the file system's record of a file. */
import type { BigIntStats } from 'node:fs'
import type { FileRecord } from '../contract.ts'

const million = 1_000_000n

export function recordOf(name: string, stats: BigIntStats): FileRecord {
  return {
    name,
    size: Number(stats.size),
    mtimeMs: Number(stats.mtimeNs / million),
    fingerprint: `${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`,
    key: `${stats.dev}:${stats.ino}`,
    executable: (stats.mode & 0o100n) !== 0n,
    changedMs: Number(stats.ctimeNs / million),
  }
}

/** Whether it is the same file with the same content; a rename in between only changes the time of the inode. */
export function isSameContent(fingerprint: string, stats: BigIntStats): boolean {
  return fingerprint.startsWith(`${stats.ino}:${stats.size}:${stats.mtimeNs}:`)
}

/**
 * The record of a file that has just been put in its place. If someone has written to it since, its fingerprint matches
 * nothing, so that the next scan reads it.
 */
export function recordOfPlaced(name: string, fingerprint: string, stats: BigIntStats): FileRecord {
  const record = recordOf(name, stats)
  return isSameContent(fingerprint, stats) ? record : { ...record, fingerprint: `${record.fingerprint}:unsure` }
}

/** What something that is not a regular file is called. */
export function oddKind(stats: BigIntStats): string {
  if (stats.isSymbolicLink()) return 'a symbolic link'
  if (stats.isFIFO()) return 'a FIFO'
  if (stats.isSocket()) return 'a socket'
  return 'a device'
}
