/** Contexts: settings of groups of instances, by the name that an instance carries. What one leaves out comes from `default`. */
import { z } from 'zod'
import { structure } from './structured.ts'
import { flag, text } from './values.ts'

const url = () => text('a URL that begins with http:// or https://', /^https?:\/\/[^\s/]\S*$/)
const name = z.string().min(1)

const Context = z.looseObject({
  manager_url: url().optional(),
  move_url: url().optional(),
  noreply_address: text('a mail address', /^[^\s@<>]+@[^\s@<>]+$/).optional(),
  noreply_name: text('a name').optional(),
  reply_to: text('a mail address', /^[^\s@<>]+@[^\s@<>]+$/).optional(),
  support_address: text('a mail address', /^[^\s@<>]+@[^\s@<>]+$/).optional(),
  sharing_domain: text('a domain').optional(),
  debug: flag().optional(),
  features: z.union([z.array(z.unknown()), z.record(z.string(), z.unknown())]).optional(),
  init_photos_folder: flag().optional(),
  init_administrative_folder: flag().optional(),
})

/** Any member may be given: those that Hearth does not know are shown to whoever asks for the context. */
export const Contexts = structure('a map of contexts, each a map', z.record(name, Context.nullable()))

export const Registries = structure('a map of contexts, each a list of URLs', z.record(name, z.array(url()).nullable()))

const OpenId = z.looseObject({
  client_id: text('a text').optional(),
  client_secret: text('a text').optional(),
  scope: text('a text').optional(),
  redirect_uri: url().optional(),
  authorize_url: url().optional(),
  token_url: url().optional(),
  userinfo_url: url().optional(),
  userinfo_instance_field: text('a text').optional(),
  userinfo_instance_prefix: z.string().optional(),
  userinfo_instance_suffix: z.string().optional(),
  id_token_jwk_url: url().optional(),
  login_domain: z.string().optional(),
  allow_oauth_token: flag().optional(),
  allow_custom_instance: flag().optional(),
  disable_password_authentication: flag().optional(),
})

export const Authentication = structure(
  'a map of contexts, each with oidc or franceconnect',
  z.record(
    name,
    z.looseObject({
      oidc: OpenId.optional(),
      franceconnect: OpenId.optional(),
      disable_password_authentication: flag().optional(),
    }),
  ),
)

export const Office = structure(
  'a map of contexts, each with onlyoffice_url, onlyoffice_inbox_secret and onlyoffice_outbox_secret',
  z.record(
    name,
    z.strictObject({
      onlyoffice_url: z.string().optional(),
      onlyoffice_inbox_secret: z.string().optional(),
      onlyoffice_outbox_secret: z.string().optional(),
    }),
  ),
)

export const Clouderies = structure(
  'a map of contexts, each with api: {url, token}',
  z.record(name, z.strictObject({ api: z.strictObject({ url: url(), token: z.string().optional() }) })),
)

export type Context = z.infer<typeof Context>

/** The configuration of contexts. */
export interface ContextSettings {
  readonly contexts: z.infer<typeof Contexts>
  readonly registries: z.infer<typeof Registries>
}

/** The settings of instances without a context, or with one that is not configured. */
export const defaultContext = 'default'

/** The context as the file has it; `undefined` when the file does not name it. */
export function ownContext({ contexts }: ContextSettings, context: string): Context | null | undefined {
  return Object.hasOwn(contexts, context) ? contexts[context] : undefined
}

/** The members in force for an instance of this context: its own, each absent one from `default`. */
export function effectiveContext(settings: ContextSettings, context: string | undefined): Context {
  return { ...ownContext(settings, defaultContext), ...ownContext(settings, context ?? defaultContext) }
}

/** The entry of a map of contexts for this one, else for `default`. */
export function ofContext<Value>(map: Readonly<Record<string, Value>>, context: string | undefined): Value | undefined {
  const key = context !== undefined && Object.hasOwn(map, context) ? context : defaultContext
  return Object.hasOwn(map, key) ? map[key] : undefined
}

/** The registries of applications that count for a context, first asked first: its own, then those of `default`. */
export function registriesOf({ registries }: Pick<ContextSettings, 'registries'>, context: string | undefined) {
  const of = (name: string) => (Object.hasOwn(registries, name) ? (registries[name] ?? []) : [])
  const own = context === undefined || context === defaultContext ? [] : of(context)
  return [...own, ...of(defaultContext)]
}
