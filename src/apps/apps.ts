/** Applications and konnectors of an instance: what a registry says of them, kept as documents. None of them runs here. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { registriesOf } from '../config/contexts.ts'
import type { Config } from '../config/settings.ts'
import { type OwnDocument, readDocument, scanDocuments, writeDocument } from '../instances/own-documents.ts'
import type { Instance } from '../instances/service.ts'
import { Problem } from '../model/errors.ts'
import { parseJson } from '../model/json/exact.ts'
import { isObject, type JsonObject } from '../model/json/value.ts'
import type { Outgoing } from '../outgoing/outgoing.ts'

export type AppKind = 'apps' | 'konnectors'

export interface Apps {
  /**
   * Keeps the latest version of a channel. @throws Problem `exists` when it is there, `not_found` when no registry of the
   * instance's context knows it, `bad_gateway` when one does not answer
   */
  install(instance: Instance, kind: AppKind, slug: string, channel: string): Promise<OwnDocument>
  find(instance: Instance, kind: AppKind, slug: string): Promise<OwnDocument | undefined>
  list(instance: Instance, kind: AppKind): Promise<readonly OwnDocument[]>
  /** @throws Problem `not_found` */
  remove(instance: Instance, kind: AppKind, slug: string): Promise<void>
}

export interface AppsOptions {
  readonly store: DocumentStore
  readonly settings: Pick<Config, 'registries'>
  readonly outgoing: Pick<Outgoing, 'fetch'>
}

export function openApps({ store, settings, outgoing }: AppsOptions): Apps {
  const refOf = ({ prefix }: Instance, kind: AppKind) => ({ prefix, name: `io.cozy.${kind}` })

  async function lookUp(instance: Instance, slug: string, channel: string): Promise<JsonObject> {
    const { context } = instance.document
    for (const registry of registriesOf(settings, typeof context === 'string' ? context : undefined)) {
      const path = `registry/${encodeURIComponent(slug)}/${encodeURIComponent(channel)}/latest`
      const url = new URL(path, registry.endsWith('/') ? registry : `${registry}/`)
      let answer: Response
      try {
        answer = await outgoing.fetch(url, { headers: { accept: 'application/json' } })
        if (answer.status === 404) {
          await answer.body?.cancel()
          continue
        }
        const { value } = parseJson(await answer.text())
        if (answer.ok && isObject(value)) return value
      } catch (cause) {
        throw new Problem('bad_gateway', `The registry at ${url.host} did not answer as it should.`, { cause })
      }
      throw new Problem('bad_gateway', `The registry at ${url.host} did not answer as it should.`)
    }
    throw new Problem('not_found', 'Application was not found')
  }

  return {
    async install(instance, kind, slug, channel) {
      const ref = refOf(instance, kind)
      const id = `io.cozy.${kind}/${slug}`
      if ((await readDocument(store, ref, id)) !== undefined) {
        throw new Problem('exists', 'Application with same slug already exists')
      }
      const found = await lookUp(instance, slug, channel)
      const manifest = isObject(found['manifest']) ? found['manifest'] : {}
      const members = Object.entries(manifest).filter(([name]) => !name.startsWith('_'))
      const at = new Date().toISOString()
      const value: JsonObject = {
        ...Object.fromEntries(members),
        slug,
        source: `registry://${slug}/${channel}`,
        state: 'ready',
        version: typeof found['version'] === 'string' ? found['version'] : '',
        created_at: at,
        updated_at: at,
      }
      await store.createDatabase(ref)
      if ((await writeDocument(store, { ref, id, value })) !== 'ok') {
        throw new Problem('exists', 'Application with same slug already exists')
      }
      const written = await readDocument(store, ref, id)
      if (written === undefined) throw new Problem('conflict', 'Document update conflict.')
      return written
    },
    find: (instance, kind, slug) => readDocument(store, refOf(instance, kind), `io.cozy.${kind}/${slug}`),
    async list(instance, kind) {
      return Array.fromAsync(scanDocuments(store, refOf(instance, kind)))
    },
    async remove(instance, kind, slug) {
      const ref = refOf(instance, kind)
      const parent = await readDocument(store, ref, `io.cozy.${kind}/${slug}`)
      if (parent === undefined) throw new Problem('not_found', 'Application is not installed')
      await writeDocument(store, { ref, id: parent.id, parent })
    },
  }
}
