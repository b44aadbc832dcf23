/** Konnectors in maintenance: those set by the operator, and those listed by the registries of a context. */
import type { DatabaseRef, DocumentStore } from '../../storage/documents/contract.ts'
import { type ContextSettings, registriesOf } from '../config/contexts.ts'
import { readDocument, scanDocuments, writeDocument } from '../instances/own-documents.ts'
import { Problem } from '../model/errors.ts'
import { parseJson } from '../model/json/exact.ts'
import { isObject, type Json, type JsonObject } from '../model/json/value.ts'
import type { Outgoing } from '../outgoing/outgoing.ts'

const ref: DatabaseRef = { prefix: 'global', name: 'io.cozy.konnectors.maintenance' }
const attempts = 10

export interface MaintainedKonnector {
  /** The source of the entry. */
  readonly level: 'stack' | 'registry'
  readonly attributes: JsonObject
}

export interface Maintenance {
  /** With a context, also the entries of its registries. @throws Problem `bad_gateway` when one of them does not answer */
  list(context?: string): Promise<readonly MaintainedKonnector[]>
  /** Replaces the entry of a konnector. */
  set(slug: string, options: JsonObject): Promise<void>
  /** @throws Problem `not_found` */
  remove(slug: string): Promise<void>
}

export interface MaintenanceOptions {
  readonly store: DocumentStore
  readonly settings: Pick<ContextSettings, 'registries'>
  readonly outgoing: Pick<Outgoing, 'fetch'>
}

export function openMaintenance({ store, settings, outgoing }: MaintenanceOptions): Maintenance {
  async function ask(registry: string, path: string): Promise<Json> {
    const url = new URL(path, registry.endsWith('/') ? registry : `${registry}/`)
    try {
      const answer = await outgoing.fetch(url, { headers: { accept: 'application/json' } })
      const text = await answer.text()
      if (!answer.ok) throw new Error(`status ${answer.status}`)
      return parseJson(text).value
    } catch (cause) {
      throw new Problem('bad_gateway', `The registry at ${url.host} did not answer as it should.`, { cause })
    }
  }

  async function ofRegistries(context: string): Promise<MaintainedKonnector[]> {
    const found: MaintainedKonnector[] = []
    const masked = new Set<unknown>()
    let previous: string | undefined
    for (const registry of registriesOf(settings, context)) {
      if (previous !== undefined) {
        // An entry of an earlier registry hides those of later ones.
        const slugs = await ask(previous, 'registry/slugs')
        for (const slug of Array.isArray(slugs) ? slugs : []) masked.add(slug)
      }
      const items = await ask(registry, 'registry/maintenance')
      for (const item of Array.isArray(items) ? items : []) {
        if (!isObject(item) || masked.has(item['slug'])) continue
        found.push({ level: 'registry', attributes: { ...item, level: 'registry' } })
      }
      previous = registry
    }
    return found
  }

  return {
    async list(context) {
      const found: MaintainedKonnector[] = []
      for await (const { id, value } of scanDocuments(store, ref)) {
        const attributes = {
          level: 'stack',
          maintenance_activated: true,
          maintenance_options: value,
          slug: id,
          type: 'konnector',
        }
        found.push({ level: 'stack', attributes })
      }
      return context === undefined ? found : [...found, ...(await ofRegistries(context))]
    },

    async set(slug, options) {
      await store.createDatabase(ref)
      const kept = Object.entries(options).filter(([name]) => !name.startsWith('_'))
      const value = { ...Object.fromEntries(kept), flag_infra_maintenance: true }
      for (let attempt = 0; attempt < attempts; attempt++) {
        const parent = await readDocument(store, ref, slug)
        if ((await writeDocument(store, { ref, id: slug, value, parent })) === 'ok') return
      }
      throw new Problem('conflict', 'Document update conflict.')
    },

    async remove(slug) {
      for (let attempt = 0; attempt < attempts; attempt++) {
        const parent = await readDocument(store, ref, slug)
        if (parent === undefined) throw new Problem('not_found', 'missing', { title: 'not_found' })
        if ((await writeDocument(store, { ref, id: slug, parent })) === 'ok') return
      }
      throw new Problem('conflict', 'Document update conflict.')
    },
  }
}
