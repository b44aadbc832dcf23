/** The schema as a flat list: what loading, flags, `config show` and the reference go through. */
import { z } from 'zod'
import { Config, secretSettings } from './schema.ts'
import { allowedText } from './values.ts'

export interface Setting {
  /** `a.b_c` as in the file. */
  readonly name: string
  readonly variable: string
  /** Absent for secrets. */
  readonly flag: string | undefined
  readonly secret: boolean
  readonly isSwitch: boolean
  readonly description: string
  readonly allowed: string
  readonly defaultValue: unknown
  readonly schema: z.ZodType
}

/** All settings in the order of the schema. */
export const settings: readonly Setting[] = leaves(Config, '')

const byName = new Map(settings.map((setting) => [setting.name, setting]))

/** The setting of this name. */
export function settingNamed(name: string): Setting | undefined {
  return byName.get(name)
}

/** `a.b_c` is HEARTH_A_B_C. */
export function variableOf(name: string): string {
  return `HEARTH_${name.replaceAll('.', '_').toUpperCase()}`
}

function leaves(schema: z.ZodObject, prefix: string): Setting[] {
  return Object.entries(schema.shape).flatMap(([key, member]) => {
    const name = prefix + key
    return member instanceof z.ZodObject ? leaves(member, `${name}.`) : [setting(name, member as z.ZodType)]
  })
}

function setting(name: string, schema: z.ZodType): Setting {
  const inner = schema instanceof z.ZodDefault || schema instanceof z.ZodOptional ? schema.unwrap() : schema
  const allowed = allowedText.get(inner as z.ZodType)?.allowed ?? ''
  const defaultValue = schema.safeParse(undefined).data
  const secret = secretSettings.has(name)
  const dashed = name.replaceAll(/[._]/g, '-')
  return {
    name,
    variable: variableOf(name),
    flag: secret ? undefined : `--${defaultValue === true ? 'no-' : ''}${dashed}`,
    secret,
    isSwitch: typeof defaultValue === 'boolean',
    description: schema.description ?? '',
    allowed,
    defaultValue,
    schema,
  }
}
