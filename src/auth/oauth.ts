/** OAuth 2.0 for the clients of an instance: authorization codes with PKCE, access and refresh tokens (RFC 6749, 7636). */
import { createHash, randomBytes } from 'node:crypto'
import type { Instance } from '../instances/service.ts'
import { signToken, type TokenSettings, verifyToken } from '../instances/token.ts'
import { Problem } from '../model/errors.ts'
import { coversEverything, parseScope } from '../permissions/scope.ts'
import type { Client, Clients } from './clients.ts'
import type { Codes } from './codes.ts'

/** What a user has agreed to. */
export interface Grant {
  readonly clientId: string
  /** Where the code is sent; absent for codes that are delivered another way. */
  readonly redirectUri?: string
  readonly scope: string
  /** PKCE challenge, method S256. */
  readonly challenge?: string
}

export interface Tokens {
  readonly token_type: 'bearer'
  readonly scope: string
  readonly access_token: string
  readonly refresh_token: string
}

export interface CodeExchange {
  readonly clientId: string
  readonly clientSecret: string
  readonly code: string
  readonly verifier?: string | undefined
  readonly redirectUri?: string | undefined
}

export interface RefreshExchange {
  readonly clientId: string
  readonly clientSecret: string
  readonly refreshToken: string
}

export interface OAuth {
  /** A code for what was agreed to: five minutes, once. */
  issueCode(instance: Instance, grant: Grant): Promise<string>
  /** The value of a code, which is spent by this. For codes that are not exchanged for tokens. */
  spendCode(instance: Instance, code: string): Promise<Grant | undefined>
  /** Tokens for a code. @throws Problem `bad_request` */
  exchangeCode(instance: Instance, exchange: CodeExchange): Promise<Tokens>
  /**
   * A new access token, and the refresh token to use from now on. The old one works until the new one is used, so that
   * a lost answer does no harm. @throws Problem `bad_request`; the client is removed when it was replayed
   */
  refresh(instance: Instance, exchange: RefreshExchange): Promise<Tokens>
  /** Tokens without a code, for callers that have authenticated the user another way. */
  tokensFor(instance: Instance, client: Pick<Client, 'id'>, scope: string): Promise<Tokens>
}

export interface OAuthOptions {
  readonly codes: Codes
  readonly clients: Clients
  readonly tokens: TokenSettings
  /** Called after a client was removed because a refresh token of its was replayed. */
  readonly onReplay?: (instance: Instance, clientId: string) => void
}

/** The scopes that a client may have: everything that can be named, but not all at once. @throws Problem `bad_request` */
export function checkClientScope(scope: string): void {
  if (/^@io\.cozy\.apps\/[\w-]+$/.test(scope)) return
  if (scope === '') throw invalid('Permission scope is empty or malformed')
  if (coversEverything(parseScope(scope))) throw invalid('The scope * is for tokens of the command line only')
}

export function openOAuth({ codes, clients, tokens, onReplay = () => {} }: OAuthOptions): OAuth {
  async function authenticated(instance: Instance, id: string, secret: string): Promise<Client> {
    const client = await clients.authenticate(instance, id, secret)
    if (client !== undefined) return client
    const known = await clients.find(instance, id)
    throw invalid(known === undefined ? 'the client must be registered' : 'invalid client_secret')
  }

  async function sign(instance: Instance, clientId: string, scope: string, family: string, generation: number) {
    const order = { subject: clientId, scope }
    const access = await signToken(instance, { ...order, audience: 'access' }, tokens)
    const more = { family, generation }
    const refresh = await signToken(instance, { ...order, audience: 'refresh', more }, tokens)
    return { token_type: 'bearer', scope, access_token: access, refresh_token: refresh } as const
  }

  async function tokensFor(instance: Instance, { id }: Pick<Client, 'id'>, scope: string): Promise<Tokens> {
    const family = randomBytes(9).toString('base64url')
    await clients.accept(instance, id)
    await clients.useRefresh(instance, id, family, 0)
    return sign(instance, id, scope, family, 1)
  }

  async function spendCode(instance: Instance, code: string): Promise<Grant | undefined> {
    const value = await codes.spend(instance.prefix, 'authorization', code)
    if (value === undefined) return undefined
    const { clientId, redirectUri, scope, challenge } = value
    return {
      clientId: String(clientId),
      scope: String(scope),
      ...(typeof redirectUri === 'string' ? { redirectUri } : {}),
      ...(typeof challenge === 'string' ? { challenge } : {}),
    }
  }

  return {
    tokensFor,
    spendCode,

    issueCode: (instance, grant) => codes.issue(instance.prefix, 'authorization', { ...grant }),

    async exchangeCode(instance, { clientId, clientSecret, code, verifier, redirectUri }) {
      const client = await authenticated(instance, clientId, clientSecret)
      const grant = await spendCode(instance, code)
      if (grant === undefined || grant.clientId !== client.id) throw invalid('invalid code')
      if (redirectUri !== undefined && redirectUri !== grant.redirectUri) throw invalid('invalid redirect_uri')
      if (grant.challenge !== undefined && challengeOf(verifier ?? '') !== grant.challenge) {
        throw invalid('invalid code_verifier')
      }
      return tokensFor(instance, client, grant.scope)
    },

    async refresh(instance, { clientId, clientSecret, refreshToken }) {
      const client = await authenticated(instance, clientId, clientSecret)
      const verified = await verifyToken(instance, refreshToken, tokens).catch((error: unknown) => {
        if (error instanceof Problem && error.status < 500) throw invalid('invalid refresh token')
        throw error
      })
      const { audience, subject, scope, claims } = verified
      if (audience !== 'refresh' || subject !== client.id) throw invalid('invalid refresh token')
      const { family, generation } = claims
      // Tokens that an operator minted belong to no family.
      if (typeof family !== 'string' || typeof generation !== 'number') return tokensFor(instance, client, scope)
      const outcome = await clients.useRefresh(instance, client.id, family, generation)
      if (outcome === 'ok') return sign(instance, client.id, scope, family, generation + 1)
      if (outcome === 'replayed') {
        await clients.remove(instance, client.id)
        onReplay(instance, client.id)
      }
      throw invalid('invalid refresh token')
    },
  }
}

/** The S256 challenge of a verifier, RFC 7636 section 4.2. */
function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url')
}

function invalid(reason: string): Problem {
  return new Problem('bad_request', reason)
}
