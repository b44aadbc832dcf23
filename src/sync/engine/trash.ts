/** Content that was displaced: put back as an ordinary new version, or removed for good. */
import type { TrashedContent } from '../../../storage/sync/contract.ts'
import { Problem } from '../../model/errors.ts'
import { driverCode } from '../drivers/error.ts'
import { conflictNames } from '../names.ts'
import { notRunning } from '../problems.ts'
import type { EngineContext, RunningEntry } from './context.ts'

/** Restores it under its name, or a similar one if that is taken. Resolves to the name. */
export async function restoreTrashed(context: EngineContext, key: string): Promise<unknown> {
  const { content, entry } = await find(context, key)
  const name = await freeName(context, entry, content.name)
  await entry.driver.restore(content, name).catch((error: unknown) => {
    if (driverCode(error) === 'not_found') throw gone(key)
    throw error
  })
  await context.change((tx) => tx.save({ untrash: [key], journal: [line(content, 'restored', name)] }))
  entry.hint(name)
  return { entry: content.entry, name }
}

export async function purgeTrashed(context: EngineContext, key: string): Promise<unknown> {
  const { content, entry } = await find(context, key)
  await entry.driver.purge(content)
  await context.change((tx) => tx.save({ untrash: [key], journal: [line(content, 'purged', '')] }))
  return {}
}

async function find(
  context: EngineContext,
  key: string,
): Promise<{ readonly content: TrashedContent; readonly entry: RunningEntry }> {
  const content = await context.store.trashed(key)
  if (content === undefined) throw gone(key)
  const entry = context.running(content.entry)
  if (entry === undefined) throw notRunning(content.entry)
  return { content, entry }
}

async function freeName(
  context: EngineContext,
  { driver, name: entry }: RunningEntry,
  wanted: string,
): Promise<string> {
  if ((await driver.stat(wanted)) === undefined) return wanted
  const at = new Date(context.now())
  for (const name of conflictNames(wanted, `restored-${entry}`, at, driver.capabilities.maxSegmentBytes)) {
    if ((await driver.stat(name)) === undefined) return name
  }
  throw new Error('no free name was found')
}

function line({ entry, fid, name }: TrashedContent, op: string, detail: string) {
  return { entry, fid, filename: name, op, detail }
}

function gone(key: string): Problem {
  return new Problem('not_found', `trash ${key} not found`)
}
