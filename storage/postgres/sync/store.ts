/** The engine's knowledge on PostgreSQL: composes the parts of this folder into the contract. */
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { DatabaseRef } from '../../documents/contract.ts'
import { LeadLost, type SyncStore } from '../../sync/contract.ts'
import { type ConnectionOptions, guarded, openPool } from '../connection.ts'
import type { Notifications } from '../notifications.ts'
import { hasLeader, type LeadershipTiming, tryLead, usualTiming } from './leadership.ts'
import { newSyncReads } from './reading.ts'
import { newSyncTransaction } from './transaction.ts'

export interface PostgresSyncOptions {
  readonly target: ConnectionOptions['target']
  readonly timing?: LeadershipTiming
  /** Carries the word that a command was sent; without it the leader finds commands only when it looks. */
  readonly notifications?: Pick<Notifications, 'changed' | 'watchUncounted'>
}

/** No database: what is told of it is that a command was sent. */
const commandsRef: DatabaseRef = { prefix: 'global', name: 'sync.commands' }

/** Milliseconds between two checks for an answer of the leader. */
const answerPollMs = 20
/** Answers that were not fetched are deleted after this. */
const answerKept = '10 minutes'

/** Connects when it is first used, with connections of its own: requests never wait for the engine. */
export function openPostgresSync({ target, timing = usualTiming, notifications }: PostgresSyncOptions): SyncStore {
  const sql = openPool({ target, maxConnections: 3 }, { application_name: 'hearth-sync' })
  let turn: Promise<unknown> = Promise.resolve()

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const run = turn.then(work)
    turn = run.catch(() => {})
    return run
  }

  return {
    ...newSyncReads(sql),

    tryLead: (who) => guarded(() => tryLead(sql, target, who, timing)),
    hasLeader: () => hasLeader(sql, timing),
    isUnseeded: () => guarded(async () => (await sql`SELECT 1 FROM sync_state WHERE seeded`).length === 0),
    setSeeded: (epoch) =>
      guarded(async () => {
        await sql`UPDATE sync_state SET seeded = true WHERE epoch = ${epoch}`
      }),

    send: (command, timeoutMs) =>
      guarded(async () => {
        const id = randomUUID()
        await sql`INSERT INTO sync_commands (id, command) VALUES (${id}, ${command})`
        notifications?.changed(commandsRef)
        const deadline = performance.now() + timeoutMs
        while (performance.now() < deadline) {
          await pause(answerPollMs)
          const [row] = await sql<{ answer: string | null }[]>`SELECT answer FROM sync_commands WHERE id = ${id}`
          if (row === undefined || row.answer === null) continue
          await sql`DELETE FROM sync_commands WHERE id = ${id}`
          return row.answer
        }
        // A command that was not taken must not be carried out any more.
        await sql`DELETE FROM sync_commands WHERE id = ${id} AND taken_at IS NULL`
        return undefined
      }),
    takeCommands: () =>
      guarded(async () => {
        const rows = await sql<{ id: string; command: string }[]>`
          UPDATE sync_commands SET taken_at = now() WHERE taken_at IS NULL RETURNING id, command`
        return [...rows]
      }),
    watchCommands(listener) {
      const end = notifications?.watchUncounted(commandsRef, listener)
      return () => void end?.()
    },
    answer: (id, answer) =>
      guarded(async () => {
        await sql`UPDATE sync_commands SET answer = ${answer} WHERE id = ${id}`
        await sql`DELETE FROM sync_commands WHERE made_at < now() - ${answerKept}::interval`
      }),

    change: (epoch, work) =>
      inTurn(() =>
        guarded(async () => {
          const done = await sql.begin(async (tx) => {
            const [row] = await tx<{ epoch: string }[]>`SELECT epoch FROM sync_state FOR SHARE`
            if (Number(row?.epoch) !== epoch) throw new LeadLost('another process leads now')
            return { value: await work(newSyncTransaction(tx)) }
          })
          return (done as { value: Awaited<ReturnType<typeof work>> }).value
        }),
      ),
    async close() {
      await turn
      await sql.end({ timeout: 5 })
    },
  }
}
