/** Turns a token into permissions. Checked tokens are remembered, because this runs on every request. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import type { Permissions } from '../model/permissions.ts'
import { Recent } from '../model/recent.ts'
import { grant } from '../permissions/granted.ts'
import { coversEverything, parseScope } from '../permissions/scope.ts'
import { readDocument } from './own-documents.ts'
import { permissionsOfApp, permissionsOfShare } from './permission-documents.ts'
import type { Instance } from './service.ts'
import { expiredToken, invalidToken, type TokenSettings, type VerifiedToken, verifyToken } from './token.ts'

/** Tokens that are remembered in one process; about 1 kB each. */
const maxRemembered = 10_000
/** How long rights that are kept in documents are cached. */
const believedMs = 5_000

interface Remembered {
  /** The instance of the token: no other one has the secret that it was signed with. */
  readonly instance: string
  /** A change of the instance may have changed its secrets: then the entry is ignored. */
  readonly rev: string
  readonly expiresMs: number
  readonly permissions: () => Permissions | Promise<Permissions>
}

const appScope = /^@io\.cozy\.apps\/(.+)$/

export interface Authoriser {
  authorise(instance: Instance, token: string): Promise<Permissions>
  forget(): void
}

/** Makes the function behind `Instances.authorise`. */
export function newAuthoriser(
  store: Pick<DocumentStore, 'read' | 'scanIds' | 'databaseInfo'>,
  settings: TokenSettings,
): Authoriser {
  const remembered = new Recent<Remembered>(maxRemembered)

  async function remember(instance: Instance, token: string): Promise<Remembered> {
    const verified = await verifyToken(instance, token, settings)
    const { id, rev } = instance
    const permissions = sourceOf(instance, token, verified)
    const entry = { instance: id, rev, expiresMs: verified.expiresMs, permissions }
    remembered.set(token, entry)
    return entry
  }

  /** Where the rights of a token come from; its audience decides. */
  function sourceOf({ prefix }: Instance, token: string, verified: VerifiedToken): Remembered['permissions'] {
    const { audience, subject, scope, sessionId } = verified
    // A session cookie would have to match, and there are no sessions.
    if (sessionId !== undefined) throw invalidToken()
    switch (audience) {
      case 'cli': {
        const permissions = grant(parseScope(scope), 'cli')
        return () => permissions
      }
      case 'access': {
        const granted = ofScope(prefix, scope)
        return async () => {
          // Read every time: deleting a client ends its tokens at once.
          const client = await readDocument(store, { prefix, name: 'io.cozy.oauth.clients' }, subject)
          if (client === undefined) throw invalidToken()
          return granted()
        }
      }
      case 'app':
        return believed(() => permissionsOfApp(store, prefix, 'apps', subject, 'app'))
      case 'konn':
        return believed(() => permissionsOfApp(store, prefix, 'konnectors', subject, 'konn'))
      case 'share':
        return believed(async () => {
          const permissions = await permissionsOfShare(store, prefix, token, settings.now())
          if (permissions === undefined) throw invalidToken()
          return permissions
        })
      case 'refresh':
        throw invalidToken()
    }
  }

  /** The rights of an `access` token: its own scope, or those of the application that its client belongs to. */
  function ofScope(prefix: string, scope: string): Remembered['permissions'] {
    const slug = appScope.exec(scope)?.[1]
    if (slug !== undefined) return believed(() => permissionsOfApp(store, prefix, 'apps', slug, 'access'))
    const rules = parseScope(scope)
    if (coversEverything(rules)) throw invalidToken()
    const permissions = grant(rules, 'access')
    return () => permissions
  }

  function believed(load: () => Promise<Permissions>): () => Promise<Permissions> {
    let known: { readonly permissions: Permissions; readonly until: number } | undefined
    return async () => {
      if (known !== undefined && settings.now() < known.until) return known.permissions
      const permissions = await load()
      known = { permissions, until: settings.now() + believedMs }
      return permissions
    }
  }

  return {
    async authorise(instance, token) {
      const known = remembered.get(token)
      const isCurrent = known !== undefined && known.instance === instance.id && known.rev === instance.rev
      const entry = isCurrent ? known : await remember(instance, token)
      if (entry.expiresMs <= settings.now()) throw expiredToken()
      return entry.permissions()
    },
    forget: () => remembered.clear(),
  }
}
