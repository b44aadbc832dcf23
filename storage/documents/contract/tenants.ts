/** What concerns a tenant as a whole, or all of them: export, import, administration, sealing. */
import type { Body } from '../../../src/model/body.ts'
import type { DatabaseRef } from '../../../src/model/database.ts'
import type { StoredDocument } from './reading.ts'

/** A tenant's documents as they were at one moment. */
export interface TenantSnapshot {
  /** Databases in byte order of their names. */
  readonly names: readonly string[]
  /** Live winners without design documents, in byte order of their ids. Read one list to its end, then the next. */
  documents(name: string): AsyncIterable<StoredDocument>
}

export interface TenantReader {
  /** Runs `work` over one snapshot. It holds a connection: nothing in `work` may wait for a client. */
  readTenant<T>(prefix: string, work: (snapshot: TenantSnapshot) => Promise<T>): Promise<T>
}

/** How one tenant's databases replace another's. */
export interface TenantExchange {
  /** The tenant that is empty afterwards. */
  readonly from: string
  readonly to: string
  /** Whether a database of `to` is dropped although `from` has none with its name; those with equal names are always dropped. */
  readonly replaces: (name: string) => boolean
  /** Databases of `from` that are renamed. */
  readonly renamed: ReadonlyMap<string, string>
  /** Objects of a file or version: those of `old` ones become rubbish, the leases of `new` ones end. */
  readonly objectsOf: (name: string, document: StoredDocument, age: 'old' | 'new') => readonly string[]
  /** A small value (see `SecretStore`) of `to` that is there from the exchange on. */
  readonly mark: {
    readonly kind: string
    readonly secret: string
    readonly value: string
    readonly forMs: number
  }
  /** A small value of `to` that must be there still, and is gone afterwards: whoever takes it before prevents the exchange. */
  readonly permit?: { readonly kind: string; readonly secret: string } | undefined
}

export interface TenantExchanger {
  /**
   * Exchanges databases in one transaction: a reader sees either all old ones or all new ones. Usage of files and
   * times of triggers follow. @throws Problem `conflict` when `from` has no database or the permit is gone, `store_unavailable`
   * when a lease of a new object has ended; nothing has changed then
   */
  exchangeTenant(exchange: TenantExchange): Promise<void>
}

/** The body to keep instead of `text`; `undefined` where it stays. Called again for what it changed, it must change nothing. */
export type Rewrite = (ref: DatabaseRef, id: string, text: string) => Pick<Body, 'text' | 'raw'> | undefined

/** Changes how members are stored, not what the documents say. */
export interface BodyRewriter {
  /**
   * Rewrites every stored body in all databases of this name, those of superseded revisions too. Revisions, sequences and
   * feeds stay as they are; indexes follow.
   */
  rewriteBodies(name: string, rewrite: Rewrite): Promise<void>
}

/** Reads across all tenants, for the server's own administration. */
export interface EveryTenant {
  /** The live document with this id in each tenant's database of this name, in the order of the prefixes. */
  readEverywhere(name: string, id: string): Promise<readonly { readonly prefix: string; readonly text: string }[]>
}
