/** Settings whose value is a map or a list. They stand in the configuration file only: neither variable nor flag holds one. */
import { z } from 'zod'
import { allowedText } from './values.ts'

const structured = z.registry<{ readonly structured: true }>()

/** Marks a map or list as one setting, with what it may hold in words. */
export function structure<Schema extends z.ZodType>(allowed: string, schema: Schema): Schema {
  structured.add(schema, { structured: true })
  allowedText.add(schema, { allowed })
  return schema
}

/** Whether this schema, without its default, is one setting although it has members. */
export function isStructure(schema: z.ZodType): boolean {
  return structured.has(schema)
}

/** The schema without what only says that it may be absent. */
export function innerSchema(schema: z.ZodType): z.ZodType {
  const wrapped =
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable
  return wrapped ? innerSchema(schema.unwrap() as z.ZodType) : schema
}

/** The schema of the member at `path`; `undefined` below a member whose form is free. */
export function schemaAt(schema: z.ZodType, path: readonly PropertyKey[]): z.ZodType | undefined {
  let found: z.ZodType | undefined = innerSchema(schema)
  for (const key of path) {
    if (found instanceof z.ZodObject) found = (found.shape as Record<PropertyKey, z.ZodType>)[key]
    else if (found instanceof z.ZodRecord) found = found.valueType as z.ZodType
    else if (found instanceof z.ZodArray) found = found.element as z.ZodType
    else return undefined
    if (found === undefined) return undefined
    found = innerSchema(found)
  }
  return found
}

/** `entries[0].options` from the path of a member. */
export function writePath(path: readonly PropertyKey[]): string {
  return path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('')
}

/** Names of members that hold secrets, wherever they stand in a structure. */
const secretMember = /secret|token|password|passphrase|credential|private|^(access_|api_|host_)?key$/i

/** Whether what stands at this path of a structure must not be shown. */
export function isSecretPath(path: readonly PropertyKey[]): boolean {
  return path.some((key) => typeof key === 'string' && secretMember.test(key) && !publicMember.has(key))
}

/** They only look like secrets. */
const publicMember: ReadonlySet<string> = new Set(['token_url', 'allow_oauth_token', 'host_key', 'redact_secrets'])

/** The value with everything that must not be shown replaced by `[hidden]`. */
export function withoutSecrets(value: unknown, path: readonly PropertyKey[] = []): unknown {
  if (isSecretPath(path)) return '[hidden]'
  if (typeof value === 'string') return value.replace(/:\/\/[^/@\s]*@/, '://[hidden]@')
  if (Array.isArray(value)) return value.map((item, index) => withoutSecrets(item, [...path, index]))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutSecrets(item, [...path, key])]))
}
