/** What an instance knows of its own move while one is under way, and how the last one ended. Sealed: it opens another server. */
import { z } from 'zod'
import type { SecretStore } from '../../storage/files/contract.ts'
import type { Instance } from '../instances/service.ts'
import type { Secrets } from '../secrets/secrets.ts'

const shared = {
  /** Of the move; each server has its own. */
  id: z.string(),
  /** How it ended; absent while it is running. */
  ended: z.enum(['moved', 'unmoved']).optional(),
  /** Whether the owner reaches the instance by https. */
  secure: z.boolean(),
}

const Source = z.object({
  ...shared,
  role: z.literal('source'),
  /** Origin of the server to move to, such as `https://alice.example`. */
  target: z.string(),
  /** Lets this server speak to the target. */
  targetToken: z.string(),
  /** The OAuth client that was made for the target, and its token: what lets the target speak to this server. */
  clientId: z.string(),
  token: z.string(),
  ignoreVault: z.boolean(),
  /** The target knows where the archive is. */
  handedOver: z.boolean(),
})

const Target = z.object({
  ...shared,
  role: z.literal('target'),
  /** Domain of the instance that moves here; empty when unknown. */
  source: z.string(),
  /** Origin and token of the source; absent until the archive is announced. */
  from: z.object({ url: z.string(), token: z.string() }).optional(),
  /** Of the archive. */
  manifestUrl: z.string().optional(),
  /** The owner has to bring the content of the vault over. */
  vault: z.boolean(),
})

const MoveRecord = z.discriminatedUnion('role', [Source, Target])
export type SourceRecord = z.infer<typeof Source>
export type TargetRecord = z.infer<typeof Target>
export type MoveRecord = z.infer<typeof MoveRecord>

const kind = 'move'
const name = 'record'
/** Kept longer than anything that belongs to a move lives. */
const keptMs = 30 * 86_400_000

type Of = Pick<Instance, 'prefix'>

export interface MoveRecords {
  /** The latest move of the instance. */
  read(instance: Of): Promise<MoveRecord | undefined>
  write(instance: Of, record: MoveRecord): Promise<void>
  /** Decides once whether the import of a move takes effect or is abandoned. */
  permit(instance: Of, id: string): Promise<void>
  /** Takes the permission back; waits for an exchange that is about to take it. */
  revoke(instance: Of, id: string): Promise<void>
  /** Whether the data of the move is in place. */
  hasArrived(instance: Of, id: string): Promise<boolean>
}

/** The kind of the value whose removal decides between an import that takes effect and one that is abandoned. */
export const permitKind = 'move permit'
/** The kind of the value that exists from the exchange on. It holds the report of the import. */
export const arrivedKind = 'import done'

export function openMoveRecords(
  store: Pick<SecretStore, 'set' | 'get' | 'take'>,
  secrets: Pick<Secrets, 'seal' | 'open'>,
): MoveRecords {
  const contextOf = (prefix: string) => `move ${prefix}`
  return {
    async read({ prefix }) {
      const sealed = await store.get(prefix, kind, name)
      const clear = sealed === undefined ? undefined : secrets.open(sealed, contextOf(prefix))
      const parsed = clear === undefined ? undefined : MoveRecord.safeParse(JSON.parse(clear))
      return parsed?.data
    },
    write: ({ prefix }, record) =>
      store.set(prefix, kind, name, secrets.seal(JSON.stringify(record), contextOf(prefix)), keptMs),
    permit: ({ prefix }, id) => store.set(prefix, permitKind, id, '', keptMs),
    async revoke({ prefix }, id) {
      await store.take(prefix, permitKind, id)
    },
    hasArrived: async ({ prefix }, id) => (await store.get(prefix, arrivedKind, id)) !== undefined,
  }
}
