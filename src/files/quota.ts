/** Whether there is room for more bytes. */
import type { Usage } from '../../storage/files/contract.ts'
import { overMaximum, overQuota } from './problems.ts'

/** The largest file, in bytes: the size limit of the usual object stores. */
export const maxFileBytes = 5 * 1024 ** 3

/** Bytes that may still be added; `undefined` without a quota. Below 0 when the quota was lowered below the usage. */
export function roomIn(quota: number | undefined, { files, versions }: Usage): number | undefined {
  return quota === undefined ? undefined : quota - files - versions
}

/** @throws Problem 413 */
export function checkRoom(size: number, room: number | undefined): void {
  if (size > maxFileBytes) throw overMaximum()
  if (room !== undefined && size > room) throw overQuota()
}
