/** The service of instances: composes its parts and keeps their caches correct. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { Problem } from '../model/errors.ts'
import { coversEverything, parseScope } from '../permissions/scope.ts'
import { newAuthoriser } from './authorise.ts'
import { createInstance } from './create.ts'
import { normaliseDomain } from './domain.ts'
import { countInstances, listInstances } from './listing.ts'
import { newLookup } from './lookup.ts'
import { modifyInstance, rotateSecret, setPassphrase, updateInstance } from './modify.ts'
import { readDocument, writeDocument } from './own-documents.ts'
import { recordOfDomain, settingsDoctype, settingsId } from './records.ts'
import { removeInstance } from './remove.ts'
import type { Instance, InstanceAdministration, Instances, TokenOrder } from './service.ts'
import { signToken, type TokenSettings } from './token.ts'

export interface InstancesOptions {
  readonly store: DocumentStore
  /** Seconds that `cli` tokens live (`token.cli_lifetime`); 30 minutes by default. */
  readonly cliLifetime?: number
  /** Applications live at `<instance>-<app>`. */
  readonly flatSubdomains?: boolean
  /** Called after an instance was created, changed or deleted here, to inform other processes. The caller's answer waits for it. */
  readonly onChange?: () => void | Promise<void>
  /** Unix time in milliseconds. */
  readonly now?: () => number
}

const defaultCliLifetime = 30 * 60

/** Opens the service. It holds caches only; nothing needs closing. */
export function openInstances(options: InstancesOptions): Instances & InstanceAdministration {
  const { store, flatSubdomains = false, now = Date.now, onChange = () => {} } = options
  const rules = { flatSubdomains }
  const settings: TokenSettings = { cliLifetime: options.cliLifetime ?? defaultCliLifetime, now }
  const lookup = newLookup(store, now)
  const authoriser = newAuthoriser(store, settings)

  async function changed(): Promise<void> {
    invalidate()
    await onChange()
  }

  // An instance has several names, and absence may be cached too: everything is dropped, since it is cheap to read again.
  function invalidate(): void {
    lookup.forget()
    authoriser.forget()
  }

  const found = async (domain: string) => (await recordOfDomain(store, normaliseDomain(domain))).instance

  return {
    byHost: lookup.byHost,
    peekHost: lookup.peekHost,
    byFormerHost: lookup.byFormerHost,
    authorise: authoriser.authorise,
    find: found,
    list: (page) => listInstances(store, page),
    count: () => countInstances(store),
    async create(order) {
      const instance = await createInstance(store, rules, order)
      await changed()
      return instance
    },
    async modify(domain, changes) {
      const modified = await modifyInstance(store, rules, normaliseDomain(domain), changes)
      await changed()
      return modified
    },
    async update(domain, members) {
      const instance = await updateInstance(store, normaliseDomain(domain), members)
      await changed()
      return instance
    },
    async remove(domain) {
      const name = normaliseDomain(domain)
      await removeInstance(store, name, changed)
      await changed()
    },
    async mintToken(order) {
      const instance = await found(order.domain)
      checkScope(order)
      if (order.audience === 'access' || order.audience === 'refresh')
        await acceptClient(store, instance, order.subject)
      return signToken(instance, order, settings)
    },
    settingsOf: async ({ prefix }) =>
      (await readDocument(store, { prefix, name: settingsDoctype }, settingsId))?.value ?? {},
    async setPassphrase(domain, password) {
      const instance = await setPassphrase(store, normaliseDomain(domain), password)
      await changed()
      return instance
    },
    async rotateCliSecret(domain) {
      await rotateSecret(store, normaliseDomain(domain))
      await changed()
    },
    invalidate,
  }
}

/** Rights of the other audiences are kept elsewhere, but what they carry must be a scope if there is any. */
function checkScope({ audience, scope }: TokenOrder): void {
  if (scope === '' && audience !== 'cli' && audience !== 'access') return
  if (scope.startsWith('@io.cozy.apps/') && audience !== 'cli') return
  if (coversEverything(parseScope(scope)) && audience !== 'cli') {
    throw new Problem('bad_request', 'The scope * is for tokens of the audience cli only')
  }
}

/** A token for an OAuth client needs the client, which is no longer pending then. */
async function acceptClient(store: DocumentStore, { prefix }: Instance, id: string): Promise<void> {
  const ref = { prefix, name: 'io.cozy.oauth.clients' }
  const client = id === '' ? undefined : await readDocument(store, ref, id)
  if (client === undefined) throw new Problem('not_found', 'missing', { title: 'not_found' })
  if (client.value['pending'] === undefined) return
  const { pending: _, ...value } = client.value
  const written = await writeDocument(store, { ref, id, value, parent: client })
  if (written !== 'ok') throw new Problem('conflict', 'Document update conflict.')
}
