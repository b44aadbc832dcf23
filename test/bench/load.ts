/**
 * Puts a server under load over HTTP: by `wrk` where it is installed, since it takes the least from the server that shares
 * the machine, else by a small generator of our own.
 */

import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { loadByNode } from './node-load.ts'
import { loadByWrk } from './wrk.ts'

export interface HttpRequest {
  readonly method: string
  /** `{n}` in it is replaced by a number that was not used before. */
  readonly path: string
  /** Without tabs and line ends, which JSON does not need. */
  readonly body?: string
}

export interface Load {
  readonly port: number
  readonly host: string
  readonly connections: number
  readonly seconds: number
  /** Value of `Authorization`. */
  readonly authorization?: string | undefined
  /** Sent one after the other, and then from the first again. */
  readonly requests: readonly HttpRequest[]
}

export interface LoadResult {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Answers that were not 2xx, and connections that broke. */
  readonly errors: number
}

const wrk = (process.env['PATH'] ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'wrk'))
  .find((path) => existsSync(path))

/** What makes the load, for the report. */
export const loadProgram = wrk === undefined ? 'our own generator (wrk is not installed)' : 'wrk'

let used = 0

/** Runs the load for its time and counts whole answers. Throws when it got none. */
export async function load(options: Load): Promise<LoadResult> {
  // Far more than one run can use.
  used += 10_000_000
  const result = await (wrk === undefined ? loadByNode(options, used) : loadByWrk(wrk, options, used))
  if (result.perSecond === 0)
    throw new Error(`no answer to ${options.requests[0]?.method} ${options.requests[0]?.path}`)
  return result
}
