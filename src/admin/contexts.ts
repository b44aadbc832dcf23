/** The configuration of a context, as operators' tools read it. */
import { ofContext, ownContext, registriesOf } from '../config/contexts.ts'
import type { Config } from '../config/settings.ts'
import type { Json, JsonObject } from '../model/json/value.ts'

export type ContextsConfig = Pick<Config, 'contexts' | 'registries' | 'office' | 'clouderies' | 'authentication'>

/** Contexts are those that have settings or registries of their own. */
export function contextNames({ contexts, registries }: ContextsConfig): readonly string[] {
  return [...new Set([...Object.keys(contexts), ...Object.keys(registries)])].sort()
}

/** One context; `undefined` when there is none of this name. Secrets of the identity provider are left out. */
export function describeContext(config: ContextsConfig, name: string): JsonObject | undefined {
  if (!contextNames(config).includes(name)) return undefined
  const { authentication, office, clouderies } = config
  const oidc = Object.hasOwn(authentication, name) ? authentication[name]?.oidc : undefined
  const url = ofContext(office, name)?.onlyoffice_url
  return {
    config: (ownContext(config, name) ?? null) as Json,
    context: name,
    registries: [...registriesOf(config, name)],
    ...(url === undefined ? {} : { office: { OnlyOfficeURL: url } }),
    cloudery_endpoint: ofContext(clouderies, name)?.api.url ?? '',
    oidc: oidc === undefined ? null : withoutSecret(oidc as JsonObject),
  }
}

function withoutSecret(oidc: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(oidc).filter(([name]) => name !== 'client_secret'))
}

/**
 * The feature flags of a context: a map is taken as it is, of a list each map with one member gives that member and each
 * text the value true. `undefined` when neither the context nor `default` is configured.
 */
export function contextFeatures(config: Pick<ContextsConfig, 'contexts'>, name: string): JsonObject | undefined {
  const context = ofContext(config.contexts, name)
  if (context === undefined) return undefined
  const features = context?.features ?? {}
  if (!Array.isArray(features)) return features as JsonObject
  const pairs = features.map((item: unknown): [string, Json] => {
    const [only, ...more] = typeof item === 'object' && item !== null ? Object.entries(item) : []
    return only !== undefined && more.length === 0 ? [only[0], only[1] as Json] : [String(item), true]
  })
  return Object.fromEntries(pairs)
}
