/** Everything about who somebody is: sessions, codes, OAuth clients and their tokens. Opened once, by app.ts. */
import type { AttemptStore } from '../../storage/attempts/contract.ts'
import type { DocumentStore } from '../../storage/documents/contract.ts'
import type { SecretStore } from '../../storage/files/contract.ts'
import type { Instance } from '../instances/service.ts'
import type { TokenSettings } from '../instances/token.ts'
import { type Limits, newLimits } from './attempt-limits.ts'
import { type Clients, openClients } from './clients.ts'
import { type Codes, openCodes } from './codes.ts'
import { type Login, openLogin, type SendPasscode } from './login.ts'
import { type OAuth, openOAuth } from './oauth.ts'
import { iterationsOf, newPassphraseCheck } from './passphrase.ts'
import { openSessions, type Sessions } from './sessions.ts'

export interface Auth {
  readonly codes: Codes
  readonly sessions: Sessions
  readonly limits: Limits
  readonly clients: Clients
  readonly oauth: OAuth
  readonly login: Login
  /** Rounds of PBKDF2 that a client makes of the passphrase. */
  iterationsOf(instance: Instance): Promise<number>
}

export interface AuthOptions {
  readonly store: DocumentStore
  readonly secrets: SecretStore
  readonly attempts: AttemptStore
  readonly tokens: TokenSettings
  readonly sendPasscode: SendPasscode
  readonly onReplay?: (instance: Instance, clientId: string) => void
}

/** Opens the service. Nothing needs closing. */
export function openAuth({ store, secrets, attempts, tokens, sendPasscode, onReplay }: AuthOptions): Auth {
  const codes = openCodes(secrets)
  const sessions = openSessions(store, tokens.now)
  const limits = newLimits(attempts)
  const clients = openClients(store, tokens.now)
  const oauth = openOAuth({ codes, clients, tokens, ...(onReplay ? { onReplay } : {}) })
  const login = openLogin({ codes, sessions, limits, passphrases: newPassphraseCheck(store), sendPasscode })
  return { codes, sessions, limits, clients, oauth, login, iterationsOf: (instance) => iterationsOf(store, instance) }
}
