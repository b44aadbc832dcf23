/** The schema as a flat list: what loading, flags, `config show` and the reference go through. */
import { z } from 'zod'
import { Config, secretSettings } from './settings.ts'
import { innerSchema, isStructure } from './structured.ts'
import { allowedText } from './values.ts'

export interface Setting {
  /** `a.b_c` as in the file. */
  readonly name: string
  /** Absent for maps and lists. */
  readonly variable: string | undefined
  /** Absent for secrets, maps and lists. */
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
  return `HEARTH_${name.replaceAll(/[.-]/g, '_').toUpperCase()}`
}

function leaves(schema: z.ZodObject, prefix: string): Setting[] {
  return Object.entries(schema.shape).flatMap(([key, member]) => {
    const name = prefix + key
    const isSection = member instanceof z.ZodObject && !isStructure(member)
    return isSection ? leaves(member, `${name}.`) : [setting(name, member as z.ZodType)]
  })
}

function setting(name: string, schema: z.ZodType): Setting {
  const inner = innerSchema(schema)
  const allowed = allowedText.get(inner)?.allowed ?? ''
  const defaultValue = schema.safeParse(undefined).data
  const secret = secretSettings.has(name)
  const dashed = name.replaceAll(/[._]/g, '-')
  return {
    name,
    variable: isStructure(inner) ? undefined : variableOf(name),
    flag: secret || isStructure(inner) ? undefined : `--${defaultValue === true ? 'no-' : ''}${dashed}`,
    secret,
    isSwitch: typeof defaultValue === 'boolean',
    description: schema.description ?? '',
    allowed,
    defaultValue,
    schema,
  }
}
