/** OAuth clients of an instance (RFC 7591 dynamic registration): documents, so that deleting one ends its tokens. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { DatabaseRef, DocumentStore } from '../../storage/documents/contract.ts'
import { type OwnDocument, readDocument, scanDocuments, writeDocument } from '../instances/own-documents.ts'
import type { Instance } from '../instances/service.ts'
import { Problem } from '../model/errors.ts'
import { isObject, type JsonObject } from '../model/json/value.ts'
import { digestOf, newCode } from './codes.ts'
import { clientKey } from './keys.ts'

export const clientsDoctype = 'io.cozy.oauth.clients'

/** What a client may say of itself. */
export interface ClientDescription {
  readonly redirectUris: readonly string[]
  readonly name: string
  readonly softwareId: string
  /** Further members as sent: kind, links, version, push settings. */
  readonly more: JsonObject
  readonly allowLoginScope?: boolean
}

export interface Client {
  readonly id: string
  readonly name: string
  readonly redirectUris: readonly string[]
  /** Without anything secret. */
  readonly shown: JsonObject
}

/** A client just made, with what is shown only now. */
export interface RegisteredClient extends Client {
  readonly secret: string
  readonly registrationToken: string
}

/** Members that a client may send beside the required ones. */
export const clientMembers = [
  'client_kind',
  'client_uri',
  'logo_uri',
  'policy_uri',
  'software_version',
  'notification_platform',
  'notification_device_token',
  'onboarding_secret',
  'onboarding_app',
  'onboarding_permissions',
  'onboarding_state',
] as const

/** Members that nobody is shown. */
const hidden = ['client_secret', 'client_secret_digest', 'refresh_families', 'pending', 'registration_id'] as const

/** Clients that never got a token are forgotten after this many milliseconds. */
const pendingMs = 24 * 3_600_000

export interface Clients {
  /** @throws Problem `bad_request` whose reason says what is missing */
  register(
    instance: Instance,
    description: ClientDescription,
    options?: { readonly pending?: boolean },
  ): Promise<RegisteredClient>
  find(instance: Pick<Instance, 'prefix'>, id: string): Promise<Client | undefined>
  findBySoftware(instance: Pick<Instance, 'prefix'>, softwareId: string): Promise<Client | undefined>
  /** The client, when the secret is its own. */
  authenticate(instance: Instance, id: string, secret: string): Promise<Client | undefined>
  /** Whether a registration token is this client's. */
  isRegistrationToken(instance: Instance, id: string, token: string): boolean
  /** Replaces what a client says of itself; `newSecret` gives it another secret. */
  replace(
    instance: Instance,
    id: string,
    description: ClientDescription,
    options?: { readonly newSecret?: boolean },
  ): Promise<Client & { readonly secret?: string }>
  remove(instance: Pick<Instance, 'prefix'>, id: string): Promise<void>
  /** Removes all, or those of one kind. Resolves to how many there were. */
  removeAll(instance: Pick<Instance, 'prefix'>, kind?: string): Promise<number>
  /**
   * Notes that a refresh token was used. Each family of them has a generation that grows with every use; one that is
   * older than the last one seen was stolen or replayed.
   */
  useRefresh(instance: Instance, id: string, family: string, generation: number): Promise<'ok' | 'replayed' | 'gone'>
  /** The client has got its tokens. */
  accept(instance: Instance, id: string): Promise<void>
}

const attempts = 10
/** Families of refresh tokens that are remembered of one client; the oldest are forgotten, which ends them. */
const maxFamilies = 50

export function openClients(store: DocumentStore, now: () => number = Date.now): Clients {
  const refOf = ({ prefix }: Pick<Instance, 'prefix'>): DatabaseRef => ({ prefix, name: clientsDoctype })

  async function change(
    instance: Pick<Instance, 'prefix'>,
    id: string,
    changed: (value: JsonObject) => JsonObject | undefined,
  ): Promise<JsonObject | undefined> {
    const ref = refOf(instance)
    for (let attempt = 0; attempt < attempts; attempt++) {
      const known = id === '' ? undefined : await readDocument(store, ref, id)
      if (known === undefined) return undefined
      const value = changed(known.value)
      if (value === undefined) return known.value
      if ((await writeDocument(store, { ref, id, value, parent: known })) === 'ok') return value
    }
    throw new Problem('conflict', 'Document update conflict.')
  }

  /** A name of its own, and the end of registrations that came to nothing. */
  async function nameFor(instance: Instance, wanted: string): Promise<string> {
    const ref = refOf(instance)
    const names = new Set<string>()
    for await (const document of scanDocuments(store, ref)) {
      const made = createdAt(document.value)
      if (document.value['pending'] === true && now() - made > pendingMs) {
        await writeDocument(store, { ref, id: document.id, parent: document })
      } else names.add(String(document.value['client_name']))
    }
    let name = wanted
    for (let number = 2; names.has(name); number++) name = `${wanted}-${number}`
    return name
  }

  return {
    async register(instance, description, { pending = false } = {}) {
      checkDescription(description)
      const ref = refOf(instance)
      await store.createDatabase(ref)
      const id = randomBytes(16).toString('hex')
      const secret = newCode()
      const value: JsonObject = {
        ...described(description),
        client_name: await nameFor(instance, description.name),
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        client_secret_digest: digestOf(secret),
        cozyMetadata: metadataOf(new Date(now()).toISOString()),
        ...(pending ? { pending: true } : {}),
      }
      if ((await writeDocument(store, { ref, id, value })) !== 'ok') {
        throw new Problem('conflict', 'Document update conflict.')
      }
      return { ...clientOf({ id, value }), secret, registrationToken: registrationToken(instance, id) }
    },

    async find(instance, id) {
      const document = id === '' ? undefined : await readDocument(store, refOf(instance), id)
      return document && clientOf(document)
    },

    async findBySoftware(instance, softwareId) {
      for await (const document of scanDocuments(store, refOf(instance))) {
        if (document.value['software_id'] === softwareId) return clientOf(document)
      }
      return undefined
    },

    async authenticate(instance, id, secret) {
      const document = id === '' ? undefined : await readDocument(store, refOf(instance), id)
      const digest = Buffer.from(String(document?.value['client_secret_digest'] ?? ''))
      const presented = Buffer.from(digestOf(secret))
      const matches = digest.length === presented.length && timingSafeEqual(digest, presented)
      return document !== undefined && matches ? clientOf(document) : undefined
    },

    isRegistrationToken(instance, id, token) {
      const expected = Buffer.from(registrationToken(instance, id))
      const presented = Buffer.from(token)
      return expected.length === presented.length && timingSafeEqual(expected, presented)
    },

    async replace(instance, id, description, { newSecret = false } = {}) {
      checkDescription(description)
      const secret = newSecret ? newCode() : undefined
      const value = await change(instance, id, (known) => {
        const kept = Object.entries(known).filter(([name]) => !isDescribed(name))
        return {
          ...Object.fromEntries(kept),
          ...described(description),
          client_name: description.name,
          ...(secret === undefined ? {} : { client_secret_digest: digestOf(secret) }),
        }
      })
      if (value === undefined) throw new Problem('not_found', 'Client not found')
      return { ...clientOf({ id, value }), ...(secret === undefined ? {} : { secret }) }
    },

    async remove(instance, id) {
      const ref = refOf(instance)
      const document = await readDocument(store, ref, id)
      if (document !== undefined) await writeDocument(store, { ref, id, parent: document })
    },

    async removeAll(instance, kind) {
      const ref = refOf(instance)
      let count = 0
      for await (const document of scanDocuments(store, ref)) {
        if (kind !== undefined && document.value['client_kind'] !== kind) continue
        await writeDocument(store, { ref, id: document.id, parent: document })
        count += 1
      }
      return count
    },

    async useRefresh(instance, id, family, generation) {
      let outcome: 'ok' | 'replayed' | 'gone' = 'ok'
      const value = await change(instance, id, (known) => {
        const families = familiesOf(known)
        const seen = families[family]
        // Of a family that was forgotten nobody knows which token is the last one: none of them counts any more.
        if (seen === undefined) outcome = generation === 0 ? 'ok' : 'gone'
        else outcome = generation < seen ? 'replayed' : 'ok'
        if (outcome !== 'ok') return undefined
        const kept = Object.entries(families).filter(([name]) => name !== family)
        const refresh_families = Object.fromEntries([...kept.slice(1 - maxFamilies), [family, generation]])
        return { ...known, refresh_families, last_refreshed_at: new Date(now()).toISOString() }
      })
      return value === undefined ? 'gone' : outcome
    },

    async accept(instance, id) {
      await change(instance, id, (known) => {
        if (known['pending'] === undefined) return undefined
        const { pending: _, ...value } = known
        return value
      })
    },
  }
}

/** @throws Problem `bad_request` with the words of RFC 7591's error descriptions */
function checkDescription({ redirectUris, name, softwareId }: ClientDescription): void {
  for (const uri of redirectUris) {
    if (uri.includes('#') || /^\s*(?:javascript|data|vbscript):/i.test(uri)) {
      throw new Problem('bad_request', `${uri} is invalid`)
    }
  }
  if (name === '') throw new Problem('bad_request', 'client_name is mandatory')
  if (softwareId === '') throw new Problem('bad_request', 'software_id is mandatory')
}

function described({ redirectUris, name, softwareId, more, allowLoginScope }: ClientDescription): JsonObject {
  return {
    ...more,
    redirect_uris: [...redirectUris],
    client_name: name,
    software_id: softwareId,
    ...(allowLoginScope ? { allow_login_scope: true } : {}),
  }
}

function isDescribed(name: string): boolean {
  return ['redirect_uris', 'client_name', 'software_id', ...clientMembers].includes(name)
}

function clientOf({ id, value }: Pick<OwnDocument, 'id' | 'value'>): Client {
  const uris = value['redirect_uris']
  const shown = Object.entries(value).filter(([name]) => !(hidden as readonly string[]).includes(name))
  return {
    id,
    name: String(value['client_name'] ?? ''),
    redirectUris: Array.isArray(uris) ? uris.map(String) : [],
    shown: { client_id: id, ...Object.fromEntries(shown) },
  }
}

function metadataOf(at: string): JsonObject {
  return { doctypeVersion: '1', metadataVersion: 1, createdAt: at, updatedAt: at }
}

/** Unix time in milliseconds; 0 when it is not known. */
function createdAt(value: JsonObject): number {
  const metadata = value['cozyMetadata']
  const time = Date.parse(String(isObject(metadata) ? metadata['createdAt'] : ''))
  return Number.isNaN(time) ? 0 : time
}

function familiesOf(value: JsonObject): Record<string, number> {
  const families = value['refresh_families']
  if (typeof families !== 'object' || families === null || Array.isArray(families)) return {}
  const numbers = Object.entries(families).filter((entry): entry is [string, number] => typeof entry[1] === 'number')
  return Object.fromEntries(numbers)
}

/** Lets a client change or remove itself, RFC 7592. */
function registrationToken(instance: Instance, id: string): string {
  return createHmac('sha256', clientKey(instance)).update(`registration\n${id}`).digest('base64url')
}
