/** Where the machine keeps its data after the next boot: the check of what is uploaded. */
import { Problem } from '../model/errors.ts'
import { checkFields, type FieldRule, type Fields, field } from './fields.ts'
import { isObject, type JsonObject } from './json-upload.ts'

/** Every kind of storage there is. */
export const storageTypes = ['local', 'nfs', 'aoe', 'iscsi', 'nbd'] as const

const type = field('alphanumeric', 1, 255, true)

const rules: Readonly<Record<string, Readonly<Record<string, FieldRule>>>> = {
  local: { type },
  nfs: {
    type,
    mount_options: field('mountOptions', 3, 255, true),
    ip: field('address', 3, 45, true),
    share: field('share', 3, 255, true),
  },
  aoe: { type, device: field('host', 3, 255, true) },
  iscsi: {
    type,
    target: field('target', 3, 255, true),
    ip: field('address', 3, 45, true),
    username: field('printable', 3, 255, true),
    password: field('printable', 3, 255, true),
  },
  nbd: {
    type,
    export_name: field('share', 3, 255, true),
    ip: field('address', 3, 45, true),
    port: { ...field('port', 1, 5, true), orNumber: true },
  },
}

/** Checks uploaded settings against the kinds that this machine has. Throws `bad_request`. */
export function checkStorageSettings(body: JsonObject, options: readonly string[], dropped: string[]): Fields {
  const { storage } = body
  if (!isObject(storage)) throw new Problem('bad_request', 'Missing option: storage')
  const kind = storage['type']
  const known = storageTypes.filter((one) => options.includes(one))
  if (typeof kind !== 'string' || !known.some((one) => one === kind)) {
    throw new Problem('bad_request', `Invalid option: type. Allowed: ${known.join(', ')}`)
  }
  return checkFields(storage, rules[kind] ?? {}, dropped)
}

/** What passes the check of characters and still makes no sense, in words. */
export function doubtsAboutStorage({ port }: Fields): string[] {
  if (port === undefined || (/^\d+$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535)) return []
  return [`port ${port} is not a number from 1 to 65535`]
}
