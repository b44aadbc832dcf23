/** Who acts: the application or client behind a token. */
import { decodeJwt } from 'jose'
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { audienceNamed } from './audience.ts'
import { readDocument } from './own-documents.ts'

/** Who acts, for `cozyMetadata`; for a command line token this is unknown. */
export interface Actor {
  readonly app?: { readonly slug: string; readonly version?: string } | undefined
  readonly client?: { readonly id: string; readonly kind: string; readonly name: string } | undefined
}

const appScope = /^@io\.cozy\.apps\/(.+)$/

/** The bearer of a token that was verified before. */
export async function actorOf(store: Pick<DocumentStore, 'read'>, prefix: string, token: string): Promise<Actor> {
  const { aud, sub = '', scope } = decodeJwt(token)
  switch (audienceNamed(String(Array.isArray(aud) ? aud[0] : aud))) {
    case 'app':
      return { app: await application(store, prefix, 'apps', sub) }
    case 'konn':
      return { app: await application(store, prefix, 'konnectors', sub) }
    case 'access': {
      const slug = typeof scope === 'string' ? appScope.exec(scope)?.[1] : undefined
      const client = await readDocument(store, { prefix, name: 'io.cozy.oauth.clients' }, sub)
      const { client_kind: kind, client_name: name } = client?.value ?? {}
      return {
        app: slug === undefined ? undefined : await application(store, prefix, 'apps', slug),
        client: { id: sub, kind: textOf(kind), name: textOf(name) },
      }
    }
    default:
      return {}
  }
}

/** Its version is known if the application is installed. */
async function application(
  store: Pick<DocumentStore, 'read'>,
  prefix: string,
  kind: 'apps' | 'konnectors',
  slug: string,
): Promise<NonNullable<Actor['app']>> {
  const manifest = await readDocument(store, { prefix, name: `io.cozy.${kind}` }, `io.cozy.${kind}/${slug}`)
  const version = manifest?.value['version']
  return typeof version === 'string' ? { slug, version } : { slug }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
