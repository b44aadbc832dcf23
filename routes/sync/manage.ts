/** API 1.1: entries are made, changed and removed, looked at and verified. */
import { z } from 'zod'
import { Problem } from '../../src/model/errors.ts'
import type { Command, EntryGiven } from '../../src/sync/commands.ts'
import { DriverError } from '../../src/sync/drivers/error.ts'
import { checkEntryName, checkOptions, hiddenSecret } from '../../src/sync/entry-definition.ts'
import { entryNotFound, unacceptable } from '../../src/sync/problems.ts'
import type { StoredEntry } from '../../storage/sync/contract.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { type HttpContext, header } from '../http/router.ts'
import { answer } from './answer.ts'
import { entryView } from './entry-view.ts'
import { readObject, textOf } from './request.ts'
import { Entry, failures } from './schemas.ts'
import type { SyncServices } from './services.ts'

const tag = 'sync management'
const needs = 'the token of the sync API'
const Status = z
  .object({ entries: z.array(z.unknown()), transfers: z.array(z.unknown()) })
  .describe('Entries and transfers')

export function manageRoutes(face: Face, services: SyncServices): void {
  const { sync } = services
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1.1/status',
      summary: 'What all entries are doing',
      tag,
      needs,
      answers: { 200: Status, ...failures },
    },
    async (c) => answer(c, await sync.run({ kind: 'status' })),
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1.1/drivers',
      summary: 'The drivers and their options',
      tag,
      needs,
      answers: { 200: 'Drivers' },
    },
    (c) => {
      const drivers = [...sync.kinds.values()].map(({ name, summary, options, secrets }) => ({
        name,
        summary,
        options: z.toJSONSchema(options, { unrepresentable: 'any' }),
        secrets,
      }))
      return answer(c, { drivers })
    },
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1.1/issues',
      summary: 'What lies in entries and is not synchronised, and why',
      tag,
      needs,
      query: z.object({ entry: z.string().optional() }),
      answers: { 200: 'Issues', ...failures },
    },
    async (c) => {
      const issues = await sync.store.issues(textOf(c, 'entry'))
      const shown = issues.map(({ entry, native, reason, atMs }) => ({
        entry,
        name: native,
        reason,
        time: atMs / 1_000,
      }))
      return answer(c, { issues: shown })
    },
  )
  endpoint(
    face,
    {
      method: 'POST',
      path: '/api/v1.1/entries',
      summary: 'Make an entry',
      tag,
      needs,
      body: Entry,
      headers: { 'X-Instance-Token': 'A token of the instance, for the driver `hearth`' },
      answers: { 201: Entry, 409: 'There is one of this name', ...failures },
    },
    async (c) => {
      const body = await readObject(c)
      const { name, driver, options = {} } = body
      if (typeof name !== 'string') throw unacceptable('name must be a text')
      if (typeof driver !== 'string') throw unacceptable('driver must be a text')
      refuseOthers(body, ['name', 'driver', 'options'])
      const asked = { name, driver, options: objectOf(options) }
      checkEntryName(name)
      checkOptions(sync, asked)
      await checkDrive(c, services, asked)
      await sync.run({ kind: 'create-entry', entry: asked, trusted: false })
      return answer(c, await view(services, name), { status: 201 })
    },
  )
  endpoint(
    face,
    {
      method: 'PUT',
      path: '/api/v1.1/entries/{name}',
      summary: "Change an entry's options; hidden secrets stay as they are",
      tag,
      needs,
      body: z.object({ options: z.record(z.string(), z.unknown()) }),
      answers: { 200: Entry, ...failures },
    },
    async (c, { path: { name } }) => {
      const entry = await sync.store.entry(name)
      if (entry === undefined) throw entryNotFound(name)
      const body = await readObject(c)
      refuseOthers(body, ['name', 'driver', 'options'])
      const secrets = sync.kinds.get(entry.driver)?.secrets ?? []
      const before = keptOptions(services, entry, secrets)
      const options = Object.fromEntries(
        Object.entries(objectOf(body['options'])).map(([option, value]) => [
          option,
          secrets.includes(option) && value === hiddenSecret ? before(option) : value,
        ]),
      )
      const driver = body['driver'] ?? entry.driver
      if (typeof driver !== 'string') throw unacceptable('driver must be a text')
      const asked = { name, driver, options }
      checkOptions(sync, asked)
      await checkDrive(c, services, asked)
      await sync.run({ kind: 'change-entry', entry: asked, trusted: false })
      return answer(c, await view(services, name))
    },
  )
  endpoint(
    face,
    {
      method: 'DELETE',
      path: '/api/v1.1/entries/{name}',
      summary: 'Forget an entry; what lies in it stays',
      tag,
      needs,
      answers: { 200: 'Done', 409: 'Rules name it', ...failures },
    },
    async (c, { path: { name } }) => {
      await sync.run({ kind: 'remove-entry', entry: name })
      return answer(c, { status: 'ok' })
    },
  )
  for (const [kind, summary] of [
    ['scan', 'Look at everything in an entry now'],
    ['check', 'Read everything in an entry and compare it'],
    ['confirm', 'Say that what an entry is held for is right'],
  ] as const) {
    endpoint(
      face,
      {
        method: 'POST',
        path: `/api/v1.1/entries/{name}/${kind}`,
        summary,
        tag,
        needs,
        answers: { 200: 'Begun', 409: 'It does not run', ...failures },
      },
      async (c, { path: { name } }) => {
        const command: Command = { kind, entry: name }
        return answer(c, { status: 'ok', ...((await sync.run(command)) as object) })
      },
    )
  }
}

/** The options as they are kept. @throws Problem 422 for one that cannot be read any more */
function keptOptions(
  { sync }: Pick<SyncServices, 'sync'>,
  { options }: StoredEntry,
  secrets: readonly string[],
): (option: string) => unknown {
  return (option) => {
    const { [option]: kept } = JSON.parse(options) as Record<string, unknown>
    try {
      return sync.seal.open(JSON.stringify({ [option]: kept }), secrets)[option]
    } catch (error) {
      if (error instanceof DriverError) throw unacceptable(`option ${error.message}`)
      throw error
    }
  }
}

async function view({ sync }: SyncServices, name: string): Promise<object> {
  const entry = await sync.store.entry(name)
  if (entry === undefined) throw entryNotFound(name)
  return entryView(sync, entry)
}

/** A drive belongs to a person: whoever connects it shows a token of theirs. */
async function checkDrive(c: HttpContext, { mayUseDrive }: SyncServices, asked: EntryGiven): Promise<void> {
  if (asked.driver !== 'hearth') return
  const token = header(c, 'x-instance-token')
  const domain = asked.options['domain']
  if (token !== undefined && typeof domain === 'string' && (await mayUseDrive(domain, token))) return
  throw new Problem(
    'forbidden',
    'X-Instance-Token must hold a token of this instance that may read and write its files',
  )
}

function objectOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw unacceptable('options must be an object')
  return value as Record<string, unknown>
}

function refuseOthers(body: Record<string, unknown>, known: readonly string[]): void {
  const other = Object.keys(body).find((key) => !known.includes(key))
  if (other !== undefined) throw unacceptable(`unknown member '${other}'; allowed: ${known.join(', ')}`)
}
