/**
 * The side of a move that gets the data. The permission for the import decides (`MoveRecords.permit`): the transaction that
 * puts the data in place takes it, and so does whoever gives the move up.
 */
import { randomBytes } from 'node:crypto'
import type { DocumentStore } from '../../storage/documents/contract.ts'
import type { Auth } from '../auth/auth.ts'
import type { Instance, InstanceAdministration } from '../instances/service.ts'
import type { JobQueue, Jobs } from '../jobs/service.ts'
import type { Log } from '../log.ts'
import { Problem } from '../model/errors.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { reach } from './failpoints.ts'
import type { MoveRecords, TargetRecord } from './move-record.ts'
import { type OtherInstance, type OtherServer, persistently } from './other-server.ts'
import { mailOwner } from './owner-mail.ts'
import { changeOwnerSettings } from './owner-settings.ts'
import { moveIsOver } from './source.ts'
import { block, isBlockedBy, moveBlock, renewBlock, unblock } from './timed-block.ts'
import type { BlockWatch } from './watch.ts'

export interface AnnouncedArchive {
  /** Of the archive's description. */
  readonly manifestUrl: string
  readonly vault: boolean
  readonly from: OtherInstance
  readonly secure: boolean
}

export interface MoveTarget {
  /** Closes the instance for a move from somewhere, or keeps it closed. @throws Problem `conflict` when it cannot take part */
  receive(instance: Instance, source: string, secure: boolean): Promise<void>
  /** Orders the import of an archive for the move under way; asked again, there is one still. @throws Problem `conflict` */
  accept(instance: Instance, archive: AnnouncedArchive): Promise<void>
  /** The move with this id, which may have ended. */
  find(instance: Instance, id: string): Promise<TargetRecord | undefined>
  /** Something went on: this instance stays closed for another while. */
  renew(instance: Instance, record: TargetRecord): Promise<void>
  /** The data is in place: opens the instance and informs the source. `away`: it does not answer, and has to be informed later. */
  complete(instance: Instance, record: TargetRecord, signal: AbortSignal): Promise<'moved' | 'source_stays' | 'away'>
  /**
   * Ends a move that cannot continue; this instance is unchanged. False when it is too late: the data is in place.
   * `tell`: the source must hear of it.
   */
  giveUp(
    instance: Instance,
    record: TargetRecord,
    options: { readonly reason: string; readonly tell?: AbortSignal | undefined },
  ): Promise<boolean>
}

export interface MoveTargetOptions {
  readonly store: DocumentStore
  readonly records: MoveRecords
  readonly instances: Pick<InstanceAdministration, 'find' | 'update'>
  readonly auth: Pick<Auth, 'sessions'>
  readonly jobs: JobQueue & Pick<Jobs, 'waiting'>
  readonly secrets: Secrets
  readonly other: OtherServer
  readonly watch: BlockWatch
  /** Milliseconds that an instance stays blocked without progress. */
  readonly maxMs: number
  readonly log: Log
}

/** Imports of one instance that wait or run; more are not considered. */
const maxWaiting = 100

export function openMoveTarget(options: MoveTargetOptions): MoveTarget {
  const { store, records, instances, auth, jobs, other, watch, maxMs, log } = options

  /** The move under way at an instance that is still closed for it. */
  async function current(instance: Instance): Promise<TargetRecord | undefined> {
    const record = await records.read(instance)
    if (record?.role !== 'target' || record.ended !== undefined) return undefined
    const { document } = await instances.find(instance.domain)
    return isBlockedBy(document, moveBlock(record.id)) ? record : undefined
  }

  async function hasJob({ prefix }: Instance, id: string): Promise<boolean> {
    const waiting = await jobs.waiting(prefix, 'import', maxWaiting)
    return waiting.some(({ members }) => (members['message'] as { readonly move?: unknown } | null)?.move === id)
  }

  return {
    async receive(instance, source, secure) {
      const known = await current(instance)
      if (known !== undefined && known.source === source) {
        await renewBlock(instances, instance.domain, moveBlock(known.id), maxMs)
        return
      }
      const { document } = await instances.find(instance.domain)
      if (known !== undefined || document['moved'] === true) throw closedOtherwise()
      const id = randomBytes(12).toString('hex')
      await watch.begin(instance, id)
      const isBlocked = await block(instances, instance.domain, { by: moveBlock(id), reason: 'MOVING', forMs: maxMs })
      if (!isBlocked) throw closedOtherwise()
      await records.write(instance, { role: 'target', id, source, secure, vault: false })
      await auth.sessions.closeAll(instance)
      if (source !== '') await changeOwnerSettings(store, instance, { moved_from: source })
      await reach('move:received')
    },

    async accept(instance, { manifestUrl, vault, from, secure }) {
      const record = await current(instance)
      if (record === undefined) throw moveIsOver()
      if (record.manifestUrl === undefined) {
        await records.permit(instance, record.id)
        await records.write(instance, { ...record, manifestUrl, vault, from, secure })
      } else if (record.manifestUrl !== manifestUrl) throw moveIsOver()
      await reach('move:accepted')
      await changeOwnerSettings(store, instance, { importing: true })
      if (!(await hasJob(instance, record.id))) {
        const message = { manifest_url: manifestUrl, secure, vault, move: record.id }
        await jobs.push({ tenant: instance, worker: 'import', message })
      }
      await reach('move:queued')
    },

    async find(instance, id) {
      const record = await records.read(instance)
      return record?.role === 'target' && record.id === id ? record : undefined
    },

    renew: ({ domain }, { id }) => renewBlock(instances, domain, moveBlock(id), maxMs),

    async complete(instance, record, signal) {
      const host = record.from === undefined ? record.source : new URL(record.from.url).host
      await changeOwnerSettings(store, instance, {
        importing: undefined,
        moved_from: host === '' ? undefined : host,
        import_vault: record.vault ? true : undefined,
      })
      await unblock(instances, instance.domain, moveBlock(record.id))
      await reach('move:opened')
      const { from } = record
      const reply = from === undefined ? 'refused' : await persistently(() => other.finalize(from), { signal })
      if (reply === 'away') return 'away'
      await records.write(instance, { ...record, ended: 'moved' })
      await reach('move:told')
      if (reply !== 'ok') log.warning('the source of a move stays open', { instance: instance.domain })
      return reply === 'ok' ? 'moved' : 'source_stays'
    },

    async giveUp(instance, record, { reason, tell }) {
      await records.revoke(instance, record.id)
      if (await records.hasArrived(instance, record.id)) return false
      const wasUnderWay = (await records.read(instance))?.ended === undefined
      await records.write(instance, { ...record, ended: 'unmoved' })
      await changeOwnerSettings(store, instance, { importing: undefined, moved_from: undefined })
      await unblock(instances, instance.domain, moveBlock(record.id))
      log.warning('a move to here was given up', { instance: instance.domain, reason })
      // Before the source is told, which may not answer for as long as it is asked.
      if (wasUnderWay) await mailOwner(options, instance, 'move_error', { Reason: reason })
      const { from } = record
      if (tell !== undefined && from !== undefined) await persistently(() => other.abort(from), { signal: tell })
      return true
    },
  }
}

function closedOtherwise(): Problem {
  return new Problem('conflict', 'This instance cannot take part in a move now.')
}
