/**
 * Delegated login: whoever holds an access token of an identity provider gets a code that stands for the identity, to be
 * spent at the instance that belongs to it.
 */
import type { Codes } from '../auth/codes.ts'
import { newDelegatedCode } from '../auth/codes.ts'
import type { Config } from '../config/settings.ts'
import type { Instance } from '../instances/service.ts'
import { Problem } from '../model/errors.ts'
import { parseJson } from '../model/json/exact.ts'
import { isObject, type JsonObject } from '../model/json/value.ts'
import type { Outgoing } from '../outgoing/outgoing.ts'

/** FranceConnect's own address, where the configuration names none. */
const franceConnectUserinfo = 'https://app.franceconnect.gouv.fr/api/v1/userinfo'

/** Delegated codes belong to no instance until they are spent. */
export const delegatedPrefix = 'global'

export interface DelegationRequest {
  readonly context: string
  /** `franceconnect`, or anything else for the context's own provider. */
  readonly provider: string
  readonly accessToken: string
  readonly idToken: string | undefined
}

export interface IdentityProvider {
  /**
   * The claims of the provider with a `delegated_code`.
   * @throws Problem `not_supported` when the context has no such provider; `bad_gateway` or `unauthorized` of the provider
   */
  delegate(request: DelegationRequest): Promise<JsonObject>
}

export interface IdentityProviderOptions {
  readonly authentication: Config['authentication']
  readonly codes: Pick<Codes, 'issue'>
  readonly outgoing: Pick<Outgoing, 'fetch'>
}

/** The settings of the context do not allow this. Sent as `{"error": ...}`. */
export class NotConfigured extends Problem {
  constructor(reason: string) {
    super('bad_request', reason)
  }
}

export function openIdentityProvider({ authentication, codes, outgoing }: IdentityProviderOptions): IdentityProvider {
  function settingsOf({ context, provider }: DelegationRequest) {
    const own = Object.hasOwn(authentication, context) ? authentication[context] : undefined
    if (provider === 'franceconnect') {
      const found = own?.franceconnect
      if (found === undefined) throw new NotConfigured('No FranceConnect is configured for this context')
      return { ...found, userinfo_url: found.userinfo_url ?? franceConnectUserinfo, allow_custom_instance: true }
    }
    const found = own?.oidc
    if (found === undefined) throw new NotConfigured('No OIDC is configured for this context')
    if (!found.userinfo_url) throw new NotConfigured('The userinfo_url is missing for this context')
    if (!found.allow_custom_instance && !found.userinfo_instance_field) {
      throw new NotConfigured('The userinfo_instance_field is missing for this context')
    }
    return { ...found, userinfo_url: found.userinfo_url }
  }

  async function claimsOf(url: string, accessToken: string): Promise<JsonObject> {
    let answer: Response
    let text: string
    try {
      const headers = { authorization: `Bearer ${headerSafe(accessToken)}`, accept: 'application/json' }
      answer = await outgoing.fetch(url, { headers })
      text = await answer.text()
    } catch (cause) {
      throw new Problem('bad_gateway', 'error from the identity provider', { cause })
    }
    if (answer.status !== 200) {
      const refused = answer.status === 401 || answer.status === 403
      throw new Problem(refused ? 'bad_request' : 'bad_gateway', `OIDC service responded with ${answer.status}`)
    }
    try {
      const { value } = parseJson(text)
      if (isObject(value)) return value
    } catch {
      // Told below.
    }
    throw new Problem('bad_gateway', 'error from the identity provider')
  }

  return {
    async delegate(request) {
      const settings = settingsOf(request)
      const claims = await claimsOf(settings.userinfo_url, request.accessToken)
      const claim = settings.allow_custom_instance ? claims['sub'] : claims[settings.userinfo_instance_field ?? '']
      if (typeof claim !== 'string' || claim === '') throw new Problem('bad_request', 'the authentication has failed')
      const sub = settings.allow_custom_instance
        ? claim
        : `${settings.userinfo_instance_prefix ?? ''}${claim}${settings.userinfo_instance_suffix ?? ''}`
      const names = settings.allow_custom_instance ? kindOf(request) : 'domain'
      const value = { sub, names, session_id: sessionIn(request.idToken) }
      const code = await codes.issue(delegatedPrefix, 'delegated', value, newDelegatedCode())
      return { ...claims, delegated_code: code }
    },
  }
}

/** What the `sub` of an identity names: an id at one kind of provider, or the domain of an instance. */
type Named = 'oidc_id' | 'franceconnect_id' | 'domain'

function kindOf({ provider }: DelegationRequest): Named {
  return provider === 'franceconnect' ? 'franceconnect_id' : 'oidc_id'
}

/**
 * Whether the identity that a delegated code stands for is the owner of an instance. Only what the provider vouched for is
 * compared: elsewhere the same `sub` may be someone else, and users may choose one that looks like a domain.
 */
export function isOwner({ document, domain }: Pick<Instance, 'document' | 'domain'>, identity: JsonObject): boolean {
  const { sub, names } = identity
  if (typeof sub !== 'string' || sub === '') return false
  switch (names) {
    case 'oidc_id':
    case 'franceconnect_id':
      return document[names] === sub
    case 'domain':
      return domain === sub
    default:
      return false
  }
}

/** What does not fit into a header cannot be a token. */
function headerSafe(token: string): string {
  return /^[!-~]*$/.test(token) ? token : ''
}

/** Only kept for a later logout: it grants nothing, so its signature is not checked. */
function sessionIn(idToken: string | undefined): string {
  const payload = idToken?.split('.')[1]
  if (payload === undefined) return ''
  try {
    const { value } = parseJson(Buffer.from(payload, 'base64url').toString('utf8'))
    return isObject(value) && typeof value['sid'] === 'string' ? value['sid'] : ''
  } catch {
    return ''
  }
}
