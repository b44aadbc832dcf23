/** What the sync API refuses, in its own words. */
import { Problem } from '../model/errors.ts'

export const entryNotFound = (name: string) => new Problem('not_found', `entry ${name} not found`)
export const fileNotFound = (fid: string) => new Problem('not_found', `file ${fid} not found`)
export const notRunning = (name: string) => new Problem('conflict', `entry ${name} is not running`)
export const alreadyRunning = (name: string) => new Problem('conflict', `entry ${name} is already running`)
export const alreadyStopped = (name: string) => new Problem('conflict', `entry ${name} is already stopped`)
export const failedToStart = (name: string, why: string) =>
  new Problem('conflict', `entry ${name} failed to start: ${why}`)
export const unacceptable = (reason: string) => new Problem('invalid_parameter', reason)
export const timedOut = () => new Problem('timeout', 'timed out', { status: 408 })
export const noLeader = () =>
  new Problem('store_unavailable', 'no process leads the synchronisation at the moment', {
    headers: { 'retry-after': '1' },
  })
