/**
 * Sessions of people in browsers: documents of the instance, so that deleting them ends the sessions. The cookie holds
 * the document's id and a MAC of it, since ids can be read by whoever may read documents.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { DatabaseRef, DocumentStore } from '../../storage/documents/contract.ts'
import { readDocument, writeDocument } from '../instances/own-documents.ts'
import type { Instance } from '../instances/service.ts'
import { orWithoutDatabase } from '../model/no-database.ts'
import { sessionKey } from './keys.ts'

export const sessionsDoctype = 'io.cozy.sessions'
export const loginsDoctype = 'io.cozy.sessions.logins'

const day = 24 * 3_600_000
/** A session ends this long after it was last seen. */
const lifetimeMs = 30 * day
/** A session that should not be kept ends after this. */
const shortLifetimeMs = day
/** How often the time of the last visit is written. */
const seenEveryMs = day

export interface Session {
  readonly id: string
  /** Stays in the browser when it is closed. */
  readonly longRun: boolean
}

export interface NewSession {
  readonly longRun: boolean
  /** Of the client, for the login history. */
  readonly address: string
  readonly userAgent: string | undefined
  /** The cookie of a session that this one replaces. */
  readonly formerCookie?: string | undefined
}

export interface Sessions {
  /** Opens a session and enters it in the login history. Resolves to the cookie's value. */
  open(instance: Instance, session: NewSession): Promise<string>
  /** The session that a cookie stands for; `undefined` when there is none, or it has expired. */
  find(instance: Instance, cookie: string | undefined): Promise<Session | undefined>
  close(instance: Instance, cookie: string | undefined): Promise<void>
  /** Ends all sessions. With `history`, the login history is forgotten too. */
  closeAll(instance: Pick<Instance, 'prefix'>, options?: { readonly history?: boolean }): Promise<void>
}

export function openSessions(store: DocumentStore, now: () => number = Date.now): Sessions {
  const sessionsOf = ({ prefix }: Pick<Instance, 'prefix'>): DatabaseRef => ({ prefix, name: sessionsDoctype })
  const loginsOf = ({ prefix }: Pick<Instance, 'prefix'>): DatabaseRef => ({ prefix, name: loginsDoctype })

  async function drop(ref: DatabaseRef): Promise<void> {
    await orWithoutDatabase(Promise.resolve(store.dropDatabase(ref)), undefined)
  }

  async function close(instance: Instance, cookie: string | undefined): Promise<void> {
    const id = idIn(instance, cookie)
    if (id === undefined) return
    const ref = sessionsOf(instance)
    const document = await readDocument(store, ref, id)
    if (document !== undefined) await writeDocument(store, { ref, id, parent: document })
  }

  return {
    async open(instance, { longRun, address, userAgent, formerCookie }) {
      await close(instance, formerCookie)
      const id = randomBytes(16).toString('hex')
      const at = new Date(now()).toISOString()
      const [ref, logins] = [sessionsOf(instance), loginsOf(instance)]
      await store.createDatabase(ref)
      await store.createDatabase(logins)
      const value = { created_at: at, last_seen: at, long_run: longRun, short_run: !longRun }
      await writeDocument(store, { ref, id, value })
      await writeDocument(store, {
        ref: logins,
        id: randomBytes(16).toString('hex'),
        value: { session_id: id, ip: address, user_agent: userAgent ?? '', created_at: at },
      })
      return `${id}.${macOf(instance, id)}`
    },

    async find(instance, cookie) {
      const id = idIn(instance, cookie)
      if (id === undefined) return undefined
      const ref = sessionsOf(instance)
      const document = await readDocument(store, ref, id)
      if (document === undefined) return undefined
      const { value } = document
      const longRun = value['long_run'] === true
      const seen = Date.parse(String(value['last_seen']))
      if (!(now() - seen < (longRun ? lifetimeMs : shortLifetimeMs))) return undefined
      if (now() - seen >= (longRun ? seenEveryMs : seenEveryMs / 24)) {
        const last_seen = new Date(now()).toISOString()
        // Another request may have written it in the meantime, which is just as good.
        await writeDocument(store, { ref, id, value: { ...value, last_seen }, parent: document })
      }
      return { id, longRun }
    },

    close,

    async closeAll(instance, { history = false } = {}) {
      await drop(sessionsOf(instance))
      if (history) await drop(loginsOf(instance))
    },
  }
}

function macOf(instance: Instance, id: string): string {
  return createHmac('sha256', sessionKey(instance)).update(`session\n${id}`).digest('base64url')
}

function idIn(instance: Instance, cookie: string | undefined): string | undefined {
  const [, id, mac] = /^([0-9a-f]{32})\.([\w-]{43})$/.exec(cookie ?? '') ?? []
  if (id === undefined || mac === undefined) return undefined
  return timingSafeEqual(Buffer.from(mac), Buffer.from(macOf(instance, id))) ? id : undefined
}
