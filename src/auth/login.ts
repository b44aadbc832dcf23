/** From a passphrase, a code or a link to a session, through the second factor where the instance asks for one. */
import { timingSafeEqual } from 'node:crypto'
import type { Instance } from '../instances/service.ts'
import { Problem } from '../model/errors.ts'
import type { Attempt, Limits } from './attempt-limits.ts'
import { type Codes, digestOf, newPasscode } from './codes.ts'
import type { GivenPassphrase, PassphraseCheck } from './passphrase.ts'
import type { NewSession, Sessions } from './sessions.ts'

/** Sends the second factor to the owner. Resolves when the mail was handed over. */
export type SendPasscode = (instance: Instance, passcode: string) => Promise<void>

export type LoginOutcome =
  /** The cookie's value. */
  | { readonly kind: 'session'; readonly cookie: string; readonly longRun: boolean }
  /** A passcode has been sent; the token belongs to it. */
  | { readonly kind: 'second_factor'; readonly token: string }
  | { readonly kind: 'wrong' }

export interface PassphraseLogin extends NewSession {
  readonly passphrase: GivenPassphrase
  /** Made by the operator: replaces the mailed passcode. */
  readonly emailVerifiedCode?: string | undefined
  /** From a magic link: this already proves the mail account. */
  readonly secondFactorDone?: boolean
}

export interface GivenPasscode {
  readonly token: string
  readonly passcode: string
  /** Of the client. */
  readonly address: string
}

export interface Login {
  /**
   * Whether the passphrase is right; wrong ones count. For forms that ask for it again.
   * @throws Problem `too_many_requests`
   */
  verify(instance: Instance, passphrase: GivenPassphrase, address: string): Promise<boolean>
  /** Mails the second factor. Resolves to the token that belongs to it. @throws Problem `too_many_requests` */
  askPasscode(instance: Instance, options?: { readonly longRun: boolean }): Promise<string>
  /** Whether the passcode is the mailed one, once. @throws Problem `too_many_requests` */
  checkPasscode(instance: Instance, given: GivenPasscode): Promise<boolean>
  withPassphrase(instance: Instance, login: PassphraseLogin): Promise<LoginOutcome>
  withPasscode(instance: Instance, login: GivenPasscode & Omit<NewSession, 'longRun'>): Promise<LoginOutcome>
  /** A mailed link: a session at once, or `passphrase` where a second factor is asked for and the mail was the first. */
  withMagicLink(instance: Instance, code: string, session: NewSession): Promise<LoginOutcome | { kind: 'passphrase' }>
  withSessionCode(instance: Instance, code: string, session: NewSession): Promise<LoginOutcome>
  /** Whether a magic link is still good, without spending it. */
  isMagicLink(instance: Instance, code: string): Promise<boolean>
}

export interface LoginOptions {
  readonly codes: Codes
  readonly sessions: Sessions
  readonly limits: Limits
  readonly passphrases: PassphraseCheck
  readonly sendPasscode: SendPasscode
}

/** True when the owner gets a passcode by mail after the passphrase. */
export function asksPasscode({ document }: Instance): boolean {
  return document['auth_mode'] === 1
}

export function openLogin({ codes, sessions, limits, passphrases, sendPasscode }: LoginOptions): Login {
  async function verify(instance: Instance, passphrase: GivenPassphrase, address: string): Promise<boolean> {
    const attempts = passphraseAttempts(instance, address)
    // Counted first: however many come at once, no more than allowed are looked at.
    await limits.count(...attempts)
    const isRight = await passphrases.verify(instance, passphrase)
    if (isRight) await limits.undo(...attempts)
    return isRight
  }

  async function open(instance: Instance, session: NewSession): Promise<LoginOutcome> {
    return { kind: 'session', cookie: await sessions.open(instance, session), longRun: session.longRun }
  }

  async function countWrong(instance: Instance, address: string): Promise<LoginOutcome> {
    await limits.count({ limit: 'wrongCode', key: `${instance.prefix} ${address}` })
    return { kind: 'wrong' }
  }

  async function askPasscode(instance: Instance, { longRun } = { longRun: false }): Promise<string> {
    await limits.count({ limit: 'mail', key: `passcode ${instance.prefix}` })
    const passcode = newPasscode()
    const token = await codes.issue(instance.prefix, 'second_factor', { passcode: digestOf(passcode), longRun })
    await sendPasscode(instance, passcode)
    return token
  }

  /** The value kept with the mailed passcode, if it is this one. */
  async function spendPasscode(instance: Instance, { token, passcode, address }: GivenPasscode) {
    // Before the token is counted: invented tokens must not fill the store.
    await limits.check({ limit: 'wrongCode', key: `${instance.prefix} ${address}` })
    await limits.count({ limit: 'passcode', key: `${instance.prefix} ${digestOf(token)}` })
    const asked = await codes.read(instance.prefix, 'second_factor', token)
    if (asked === undefined) {
      await countWrong(instance, address)
      return undefined
    }
    const expected = Buffer.from(String(asked['passcode']))
    const presented = Buffer.from(digestOf(passcode.replaceAll(/\s/g, '')))
    if (expected.length !== presented.length || !timingSafeEqual(expected, presented)) return undefined
    return codes.spend(instance.prefix, 'second_factor', token)
  }

  return {
    verify,
    askPasscode,
    checkPasscode: async (instance, given) => (await spendPasscode(instance, given)) !== undefined,

    async withPassphrase(instance, login) {
      const { passphrase, emailVerifiedCode, secondFactorDone = false, ...session } = login
      if (!(await verify(instance, passphrase, session.address))) return { kind: 'wrong' }
      if (!asksPasscode(instance) || secondFactorDone) return open(instance, session)
      const verified =
        emailVerifiedCode === undefined || emailVerifiedCode === ''
          ? undefined
          : await codes.read(instance.prefix, 'email_verified', emailVerifiedCode)
      if (verified !== undefined) return open(instance, session)
      return { kind: 'second_factor', token: await askPasscode(instance, session) }
    },

    async withPasscode(instance, { token, passcode, ...session }) {
      const asked = await spendPasscode(instance, { token, passcode, address: session.address })
      return asked === undefined
        ? { kind: 'wrong' }
        : open(instance, { ...session, longRun: asked['longRun'] === true })
    },

    async withMagicLink(instance, code, session) {
      if (instance.document['magic_link'] !== true) return { kind: 'wrong' }
      await limits.check({ limit: 'wrongCode', key: `${instance.prefix} ${session.address}` })
      if (asksPasscode(instance)) {
        const known = await codes.read(instance.prefix, 'magic_link', code)
        return known === undefined ? countWrong(instance, session.address) : { kind: 'passphrase' }
      }
      const spent = await codes.spend(instance.prefix, 'magic_link', code)
      return spent === undefined ? countWrong(instance, session.address) : open(instance, session)
    },

    async withSessionCode(instance, code, session) {
      await limits.check({ limit: 'wrongCode', key: `${instance.prefix} ${session.address}` })
      const spent = await codes.spend(instance.prefix, 'session', code)
      return spent === undefined ? countWrong(instance, session.address) : open(instance, session)
    },

    isMagicLink: async (instance, code) => (await codes.read(instance.prefix, 'magic_link', code)) !== undefined,
  }
}

function passphraseAttempts({ prefix }: Instance, address: string): readonly Attempt[] {
  return [
    { limit: 'passphraseHere', key: `${prefix} ${address}` },
    { limit: 'passphraseAddress', key: address },
    { limit: 'passphrase', key: prefix },
  ]
}

/** 400: the instance does not sign its owner in by links. */
export function noMagicLinks(): Problem {
  return new Problem('bad_request', 'magic link is not available on this instance')
}
