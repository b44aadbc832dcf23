/**
 * The side of a move that has the data. Its document decides: while it is blocked by the move it may become `moved` or be
 * opened again, each in one atomic change, so that exactly one of the two happens.
 */
import { randomBytes } from 'node:crypto'
import type { DocumentStore } from '../../storage/documents/contract.ts'
import type { Auth } from '../auth/auth.ts'
import { doorOf } from '../instances/door.ts'
import type { Instance, InstanceAdministration } from '../instances/service.ts'
import { JobFailure, type JobQueue } from '../jobs/service.ts'
import type { Triggers } from '../jobs/triggers.ts'
import type { Log } from '../log.ts'
import { Problem } from '../model/errors.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { reach } from './failpoints.ts'
import type { MoveRecords, SourceRecord } from './move-record.ts'
import { type OtherServer, persistently, type Reply } from './other-server.ts'
import { mailOwner } from './owner-mail.ts'
import { changeOwnerSettings } from './owner-settings.ts'
import { block, endOfBlock, isBlockedBy, moveBlock, renewBlock, unblocked } from './timed-block.ts'
import type { BlockWatch } from './watch.ts'

/** What the target may do at the source during the move, and the wizard before it. */
export const moveScope = 'io.cozy.exports.requests io.cozy.imports'

/** A move that its owner has confirmed. */
export interface ConfirmedMove {
  /** Origin. */
  readonly target: string
  readonly targetToken: string
  readonly ignoreVault: boolean
  /** The OAuth client that the wizard used; absent: one is made. */
  readonly client?: { readonly id: string; readonly token: string } | undefined
  readonly secure: boolean
}

export interface MoveSource {
  /** Closes both sides and orders the archive. `unreachable`: the target did not agree, and all is as before. */
  start(instance: Instance, move: ConfirmedMove): Promise<'started' | 'busy' | 'unreachable'>
  /** The move with this id, while it is running. */
  current(instance: Instance, id: string): Promise<SourceRecord | undefined>
  /** Something went on: neither side opens for another while. */
  renew(instance: Instance, record: SourceRecord): Promise<void>
  /** Tells the target where the archive is. @throws JobFailure when it does not take it */
  handOver(instance: Instance, record: SourceRecord, link: string, signal: AbortSignal): Promise<void>
  /** Ends a move that cannot continue; both owners keep what they had. `patiently`: an unreachable target is asked again. */
  giveUp(instance: Instance, record: SourceRecord, reason: string, patiently?: AbortSignal): Promise<void>
  /**
   * All has arrived: this instance is the former one from now on. `caller`: the OAuth client that says so.
   * @throws Problem `conflict` when the move is over, `forbidden` for a client that is not the one of the move
   */
  finalize(instance: Instance, subdomain: 'flat' | 'nested' | undefined, caller?: string): Promise<void>
  /** The target gives up. @throws Problem `conflict` when this instance has moved */
  abort(instance: Instance, record: SourceRecord, caller?: string): Promise<void>
}

export interface MoveSourceOptions {
  readonly store: DocumentStore
  readonly records: MoveRecords
  readonly instances: Pick<InstanceAdministration, 'find' | 'update'>
  readonly auth: Pick<Auth, 'clients' | 'oauth'>
  readonly jobs: JobQueue
  readonly triggers: Pick<Triggers, 'list' | 'remove'>
  readonly secrets: Secrets
  readonly other: OtherServer
  readonly watch: BlockWatch
  /** Milliseconds that an instance stays blocked without progress. */
  readonly maxMs: number
  /** Milliseconds until no process of this server lets anybody in any more who came before the block. */
  readonly settleMs: number
  readonly log: Log
}

export function openMoveSource(options: MoveSourceOptions): MoveSource {
  const { store, records, instances, auth, jobs, triggers, other, watch, maxMs, settleMs, log } = options

  const targetOf = ({ target, targetToken }: SourceRecord) => ({ url: target, token: targetToken })

  async function end(instance: Instance, record: SourceRecord, how: 'moved' | 'unmoved'): Promise<void> {
    await records.write(instance, { ...record, ended: how })
    if (how === 'moved') return
    // What could still speak for the owner must not outlive the move.
    await auth.clients.remove(instance, record.clientId)
    await changeOwnerSettings(store, instance, { moved_to: undefined })
  }

  /** Opens the instance again. False when it is not blocked by the move any more. */
  async function reopen({ domain }: Instance, { id }: SourceRecord): Promise<boolean> {
    let isOpened = false
    await instances.update(domain, (document) => {
      isOpened = document['blocked_by'] === moveBlock(id)
      return isOpened ? unblocked : undefined
    })
    return isOpened
  }

  async function giveUp(instance: Instance, given: SourceRecord, reason: string, patiently?: AbortSignal) {
    const latest = await records.read(instance)
    const record = latest?.role === 'source' && latest.id === given.id ? latest : given
    const ask = () => other.abort(targetOf(record))
    const endMs = endOfBlock((await instances.find(instance.domain)).document)
    const reply: Reply = patiently === undefined ? await ask() : await persistently(ask, { signal: patiently, endMs })
    // The target means an earlier move if it never received this one's archive.
    if (reply === 'done' && record.handedOver) {
      log.info('a move had succeeded without this server hearing of it', { instance: instance.domain })
      await finalize(instance, undefined)
      return
    }
    const wasOpened = await reopen(instance, record)
    const { document } = await instances.find(instance.domain)
    if (document['moved'] === true) return
    await end(instance, record, 'unmoved')
    log.warning('a move was given up', { instance: instance.domain, reason })
    if (wasOpened) await mailOwner(options, instance, 'move_error', { Reason: reason })
  }

  async function finalize(instance: Instance, subdomain: 'flat' | 'nested' | undefined, caller?: string) {
    const found = await records.read(instance)
    const record = found?.role === 'source' ? found : undefined
    if (record !== undefined) requireClient(record, caller)
    if (found?.role === 'target' && found.ended === undefined) throw moveIsOver()
    if (record?.ended === 'unmoved') throw moveIsOver()
    if (record?.ended === undefined && record?.handedOver === false) throw moveIsOver()
    let isMoved = false
    await instances.update(instance.domain, (document) => {
      isMoved = document['moved'] === true
      if (isMoved) return undefined
      const mayMove = record === undefined ? document['blocked'] !== true : isBlockedBy(document, moveBlock(record.id))
      if (!mayMove) return undefined
      isMoved = true
      return { ...unblocked, moved: true }
    })
    if (!isMoved) throw moveIsOver()
    await reach('move:finalized')
    const steps: (() => Promise<unknown>)[] = [
      ...(await konnectorTriggers(instance)).map((id) => () => triggers.remove(instance.prefix, id)),
      () =>
        subdomain === undefined
          ? Promise.resolve()
          : changeOwnerSettings(store, instance, { moved_to_subdomain_type: subdomain }),
      () => (record === undefined ? Promise.resolve() : end(instance, record, 'moved')),
    ]
    const failed: unknown[] = []
    for (const step of steps) await step().catch((error: unknown) => failed.push(error))
    if (failed.length > 0) throw new AggregateError(failed, 'an instance has moved, but not all of it was cleared away')
    log.info('an instance has moved', { instance: instance.domain })
  }

  async function konnectorTriggers({ prefix }: Instance): Promise<readonly string[]> {
    const found = await triggers.list(prefix)
    return found.filter(({ worker }) => worker === 'konnector').map(({ id }) => id)
  }

  return {
    async start(instance, { client, target, targetToken, ignoreVault, secure }) {
      if (doorOf(await instances.find(instance.domain)).kind !== 'open') return 'busy'
      const id = randomBytes(12).toString('hex')
      const by = moveBlock(id)
      // First of all what ends the move if nothing else does.
      await watch.begin(instance, id)
      if (!(await block(instances, instance.domain, { by, reason: 'MOVING', forMs: maxMs }))) return 'busy'
      const own = client ?? (await makeClient(instance))
      const record: SourceRecord = {
        role: 'source',
        id,
        secure,
        target,
        targetToken,
        clientId: own.id,
        token: own.token,
        ignoreVault,
        handedOver: false,
      }
      await records.write(instance, record)
      await reach('move:closed')
      const reply = await other.announce(targetOf(record), instance.domain)
      if (reply !== 'ok') {
        if (reply === 'away') await other.abort(targetOf(record))
        await reopen(instance, record)
        await end(instance, record, 'unmoved')
        return 'unreachable'
      }
      await reach('move:announced')
      await changeOwnerSettings(store, instance, { moved_to: `${target}/` })
      await jobs.push({
        tenant: instance,
        worker: 'export',
        message: { parts_size: 0, max_age: 0, contextual_domain: instance.domain, secure, move: id },
        delayMs: settleMs,
      })
      await reach('move:ordered')
      return 'started'
    },

    async current(instance, id) {
      const record = await records.read(instance)
      if (record?.role !== 'source' || record.id !== id || record.ended !== undefined) return undefined
      const { document } = await instances.find(instance.domain)
      return isBlockedBy(document, moveBlock(id)) ? record : undefined
    },

    async renew(instance, record) {
      await renewBlock(instances, instance.domain, moveBlock(record.id), maxMs)
      if (!record.handedOver) await other.announce(targetOf(record), instance.domain)
    },

    async handOver(instance, record, link, signal) {
      // First: it may be faster than its own answer.
      await records.write(instance, { ...record, handedOver: true })
      const from = { url: `${record.secure ? 'https' : 'http'}://${instance.domain}/`, token: record.token }
      const endMs = endOfBlock((await instances.find(instance.domain)).document)
      const reply = await persistently(
        () => other.orderImport(targetOf(record), { link, vault: !record.ignoreVault, from }),
        { signal, endMs },
      )
      if (reply !== 'ok') throw new JobFailure('the other server did not take the archive', { final: true })
      await reach('move:handed-over')
    },

    giveUp,
    finalize,

    async abort(instance, record, caller) {
      requireClient(record, caller)
      await reopen(instance, record)
      if ((await instances.find(instance.domain)).document['moved'] === true) throw moveIsOver()
      await end(instance, record, 'unmoved')
    },
  }

  async function makeClient(instance: Instance): Promise<{ readonly id: string; readonly token: string }> {
    const { id } = await auth.clients.register(instance, moveClient)
    const { access_token } = await auth.oauth.tokensFor(instance, { id }, moveScope)
    return { id, token: access_token }
  }
}

/** Of all OAuth clients only the one that was made for the move speaks for its target. */
function requireClient({ clientId }: SourceRecord, caller: string | undefined): void {
  if (caller !== undefined && caller !== clientId) throw new Problem('forbidden', 'Forbidden')
}

/** How the client that stands for a move describes itself. */
export const moveClient = { redirectUris: [], name: 'Move', softwareId: 'hearth-move', more: {} } as const

/** What was asked for belongs to a move that is not under way, or has ended otherwise. */
export function moveIsOver(): Problem {
  return new Problem('conflict', 'There is no such move under way.')
}
