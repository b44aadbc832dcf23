/** How a move is asked for: by a wizard in the name of the owner, who confirms it by the link in a mail. */
import { randomBytes } from 'node:crypto'
import { decodeJwt } from 'jose'
import { z } from 'zod'
import type { FileStore } from '../../storage/files/contract.ts'
import type { Auth } from '../auth/auth.ts'
import type { OwnerMail } from '../auth/mail.ts'
import { doorOf } from '../instances/door.ts'
import type { Instance, InstanceAdministration, Instances } from '../instances/service.ts'
import { Problem } from '../model/errors.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { quotaOf } from './manifest.ts'
import { moveClient, moveScope } from './source.ts'

/** The client of codes that open nothing but a request for a move. No client is registered by this name. */
const wizardClient = 'move'
const requestScope = 'io.cozy.exports.requests'

/** What a wizard learns about an instance. */
export interface InstanceUsage {
  /** Bytes of files and versions. */
  readonly used: number
  readonly quota: number | undefined
  /** Whether there is a vault, whose content the owner has to bring over. */
  readonly vault: boolean
}

/** The fields of a wizard's request; what is missing is an empty text. */
export type RequestFields = Readonly<Record<RequestField, string>>
export const requestFields = [
  'code',
  'token',
  'client_id',
  'client_secret',
  'target_url',
  'target_token',
  'target_client_id',
  'target_client_secret',
  'ignore_vault',
] as const
export type RequestField = (typeof requestFields)[number]

const Pending = z.object({
  target: z.string(),
  targetToken: z.string(),
  ignoreVault: z.boolean(),
  client: z.object({ id: z.string(), token: z.string() }).optional(),
})
export type PendingMove = z.infer<typeof Pending>

export interface MoveRequests {
  usage(instance: Instance): Promise<InstanceUsage>
  /** A client and a code for the wizard, for an owner who begins here. `wizard`: its address. */
  initialize(
    instance: Instance,
    wizard: URL,
  ): Promise<{ readonly clientId: string; readonly clientSecret: string; readonly code: string }>
  /** A code for a wizard in which the owner began: it opens nothing but a request. */
  authorize(instance: Instance): Promise<string>
  /**
   * Checks a request and mails its owner the link that confirms it. Resolves to the address of the mail.
   * @throws Problem `bad_request` that says what is wrong, `too_many_requests`
   */
  request(instance: Instance, fields: RequestFields, secure: boolean): Promise<string>
  /** The move that a mailed link confirms, once. @throws Problem `bad_request` */
  confirm(instance: Instance, secret: string): Promise<PendingMove>
  /** Makes the link good again: the move could not begin. */
  restore(instance: Instance, secret: string, move: PendingMove): Promise<void>
}

export interface MoveRequestsOptions {
  readonly tree: FileStore['tree']
  readonly instances: Pick<Instances, 'byHost' | 'authorise'> & Pick<InstanceAdministration, 'settingsOf'>
  readonly auth: Pick<Auth, 'clients' | 'codes' | 'limits' | 'oauth'>
  readonly mail: OwnerMail
  readonly secrets: Pick<Secrets, 'seal' | 'open'>
  /** Whether the owner's passwords are kept here. */
  readonly hasVault: (instance: Instance) => Promise<boolean>
}

export function openMoveRequests(options: MoveRequestsOptions): MoveRequests {
  const { tree, instances, auth, mail, secrets, hasVault } = options
  const contextOf = ({ prefix }: Instance) => `move request ${prefix}`

  /** Checks the requester. Resolves to the code's former use, or the wizard's client. */
  async function checkSource(instance: Instance, given: RequestFields): Promise<PendingMove['client']> {
    if (given.code !== '') {
      const grant = await auth.codes.read(instance.prefix, 'authorization', given.code)
      if (grant?.['clientId'] !== wizardClient || grant['scope'] !== requestScope) throw wrong('Invalid JWT token')
      return undefined
    }
    if (given.client_id === '') throw wrong('No client_id')
    if (given.client_secret === '') throw wrong('No client_secret')
    if (given.token === '') throw wrong('No code or token')
    const permissions = await instances.authorise(instance, given.token).catch((error: unknown) => {
      if (error instanceof Problem && error.status < 500) throw wrong('Invalid JWT token')
      throw error
    })
    const isOfClient = permissions.audience === 'access' && decodeJwt(given.token).sub === given.client_id
    const client = await auth.clients.authenticate(instance, given.client_id, given.client_secret)
    if (!isOfClient || client === undefined || !permissions.allowsType('POST', requestScope)) {
      throw wrong('Invalid JWT token')
    }
    return { id: client.id, token: given.token }
  }

  async function checkTarget(instance: Instance, given: RequestFields): Promise<URL> {
    if (given.target_url === '') throw wrong('No target_url')
    const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(given.target_url) ? given.target_url : `https://${given.target_url}`
    const url = URL.canParse(text) ? new URL(text) : undefined
    const isUsable = url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === ''
    if (!isUsable || url.pathname !== '/' || (await isOwn(instance, url.host))) throw wrong('Invalid target_url')
    for (const name of ['target_token', 'target_client_id', 'target_client_secret'] as const) {
      if (given[name] === '') throw wrong(`No ${name}`)
    }
    // It goes into a header.
    if (!/^[\x21-\x7e]{1,8192}$/.test(given.target_token)) throw wrong('Invalid target_token')
    return url
  }

  async function isOwn(instance: Instance, host: string): Promise<boolean> {
    return (await instances.byHost(host))?.id === instance.id
  }

  /** A code may be used again for the same target only, since an answer may get lost: whoever steals it gains nothing. */
  async function bindCode(instance: Instance, code: string, target: string): Promise<void> {
    const grant = await auth.codes.spend(instance.prefix, 'authorization', code)
    const known = grant?.['target']
    if (grant === undefined || (known !== undefined && known !== target)) throw wrong('Invalid JWT token')
    await auth.codes.issue(instance.prefix, 'authorization', { ...grant, target }, code)
  }

  function pendingIn(instance: Instance, value: unknown): PendingMove | undefined {
    const clear = typeof value === 'string' ? secrets.open(value, contextOf(instance)) : undefined
    return clear === undefined ? undefined : Pending.parse(JSON.parse(clear))
  }

  async function keep(instance: Instance, secret: string, move: PendingMove): Promise<void> {
    const sealed = secrets.seal(JSON.stringify(move), contextOf(instance))
    await auth.codes.issue(instance.prefix, 'move', { sealed }, secret)
  }

  return {
    async usage(instance) {
      const { files, versions } = await tree(instance.prefix).usage()
      const quota = quotaOf(instance.document['disk_quota'])
      return { used: Number(files) + Number(versions), quota, vault: await hasVault(instance) }
    },

    async initialize(instance, wizard) {
      const redirectUri = new URL('/fake', wizard).href
      const client = await auth.clients.register(
        instance,
        { ...moveClient, redirectUris: [redirectUri] },
        { pending: true },
      )
      const code = await auth.oauth.issueCode(instance, { clientId: client.id, scope: moveScope })
      return { clientId: client.id, clientSecret: client.secret, code }
    },

    authorize: (instance) => auth.oauth.issueCode(instance, { clientId: wizardClient, scope: requestScope }),

    async request(instance, given, secure) {
      const client = await checkSource(instance, given)
      const target = await checkTarget(instance, given)
      if (doorOf(instance).kind !== 'open') throw wrong('This instance is being moved, or has moved.')
      const { email } = await instances.settingsOf(instance)
      if (typeof email !== 'string' || email === '')
        throw wrong('This instance has no mail address to confirm the move')
      await auth.limits.count({ limit: 'mail', key: `move ${instance.prefix}` })
      if (client === undefined) await bindCode(instance, given.code, target.origin)
      // 64 bits, valid for half an hour, usable only by the logged-in owner.
      const secret = randomBytes(8).toString('hex')
      await keep(instance, secret, {
        target: target.origin,
        targetToken: given.target_token,
        ignoreVault: given.ignore_vault !== '',
        client,
      })
      // The instance's own domain: the request's header must not decide where the link leads.
      const link = `${secure ? 'https' : 'http'}://${instance.domain}/move/go?secret=${secret}`
      await mail(instance, { kind: 'move_confirm', link, source: instance.domain, target: target.host })
      return email
    },

    async confirm(instance, secret) {
      const value = secret === '' ? undefined : await auth.codes.spend(instance.prefix, 'move', secret)
      const move = pendingIn(instance, value?.['sealed'])
      if (move === undefined) throw wrong('Invalid secret')
      return move
    },

    // The client was removed with the move that did not begin: the next one makes its own.
    restore: (instance, secret, { client, ...move }) => keep(instance, secret, move),
  }
}

function wrong(reason: string): Problem {
  return new Problem('bad_request', reason)
}
