/** Moves between servers: how they are asked for, both sides of them, and their deadline. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import type { FileStore } from '../../storage/files/contract.ts'
import type { Auth } from '../auth/auth.ts'
import type { OwnerMail } from '../auth/mail.ts'
import { doorOf } from '../instances/door.ts'
import { readDocument } from '../instances/own-documents.ts'
import { settingsDoctype, vaultId } from '../instances/records.ts'
import type { Instance, InstanceAdministration, Instances } from '../instances/service.ts'
import type { Jobs, Worker } from '../jobs/service.ts'
import type { Triggers } from '../jobs/triggers.ts'
import type { Log } from '../log.ts'
import { Problem } from '../model/errors.ts'
import type { Outgoing } from '../outgoing/outgoing.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { openMoveRecords, type SourceRecord } from './move-record.ts'
import { newOtherServer } from './other-server.ts'
import { type MoveRequests, openMoveRequests } from './requests.ts'
import { type MoveSource, moveIsOver, openMoveSource } from './source.ts'
import { type MoveTarget, openMoveTarget } from './target.ts'
import { moveDeadlineWorker, newBlockWatch } from './watch.ts'

export interface Moves {
  readonly requests: MoveRequests
  readonly source: MoveSource
  readonly target: MoveTarget
  /**
   * The other server gives up; `caller`: the OAuth client that says so. Nothing happens where no move is under way.
   * @throws Problem `conflict` when it is too late, `forbidden` for a client that has nothing to do with the move
   */
  abort(instance: Instance, caller?: string): Promise<void>
  /** Whether the instance is the source of a running move. */
  isLeaving(instance: Instance): Promise<boolean>
  /** A part of an archive is being fetched: where it belongs to a running move, the source stays closed for another while. */
  keepLeaving(instance: Instance): Promise<void>
  /** Ends moves whose time is over. */
  readonly deadline: Worker
}

export interface MovesOptions {
  readonly store: DocumentStore & { readonly files: Pick<FileStore, 'secrets' | 'tree'> }
  readonly instances: Instances & InstanceAdministration
  readonly auth: Auth
  readonly jobs: Jobs
  readonly triggers: Triggers
  readonly secrets: Secrets
  readonly outgoing: Pick<Outgoing, 'fetch'>
  readonly mail: OwnerMail
  /** Milliseconds that an instance stays blocked without progress. */
  readonly maxMs: number
  /** Milliseconds until every process of this server knows of a block. */
  readonly settleMs: number
  readonly log: Log
}

const tooLong = 'it took too long'

export function openMoves(options: MovesOptions): Moves {
  const { store, secrets, outgoing } = options
  const records = openMoveRecords(store.files.secrets, secrets)
  const watch = newBlockWatch(options)
  const parts = { ...options, records, other: newOtherServer(outgoing, { subdomain: 'nested' }), watch }
  const source = openMoveSource(parts)
  const target = openMoveTarget(parts)
  const requests = openMoveRequests({
    ...options,
    tree: store.files.tree,
    hasVault: async ({ prefix }) =>
      (await readDocument(store, { prefix, name: settingsDoctype }, vaultId))?.value['extension_installed'] === true,
  })
  async function leaving(instance: Instance): Promise<SourceRecord | undefined> {
    const record = await records.read(instance)
    return record?.role === 'source' ? source.current(instance, record.id) : undefined
  }

  return {
    requests,
    source,
    target,
    async abort(instance, caller) {
      const record = await records.read(instance)
      if (record?.ended === 'moved') throw moveIsOver()
      if (record === undefined || record.ended !== undefined) return
      if (record.role === 'source') return source.abort(instance, record, caller)
      const reason = 'the other server gave up'
      if (!(await target.giveUp(instance, record, { reason }).catch(notNow))) throw moveIsOver()
    },
    isLeaving: async (instance) => (await leaving(instance)) !== undefined,
    async keepLeaving(instance) {
      if (doorOf(instance).kind !== 'blocked') return
      const record = await leaving(instance)
      if (record !== undefined) await source.renew(instance, record)
    },
    deadline: moveDeadlineWorker({
      ...options,
      async giveUp(instance, id) {
        const record = await records.read(instance)
        if (record?.id !== id || record.ended !== undefined) return false
        if (record.role === 'source') await source.giveUp(instance, record, tooLong)
        else if (!(await target.giveUp(instance, record, { reason: tooLong, tell: AbortSignal.timeout(60_000) }))) {
          // The data is in place, and the job that should report it is gone.
          await target.complete(instance, record, AbortSignal.timeout(60_000))
        }
        return true
      },
    }),
  }
}

/** To the other server a conflict means that the data has arrived: nothing else may be answered like that. */
function notNow(error: unknown): never {
  const isConflict = error instanceof Problem && error.code === 'conflict'
  throw isConflict ? new Problem('store_unavailable', error.reason, { cause: error }) : error
}
