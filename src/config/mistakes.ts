/** Explains what is wrong inside a map or a list, each mistake with its own place in the file. */
import { z } from 'zod'
import type { Setting } from './leaves.ts'
import { isSecretPath, schemaAt, withoutSecrets, writePath } from './structured.ts'
import { didYouMean } from './suggest.ts'
import { allowedText } from './values.ts'

type Path = readonly PropertyKey[]

/** One line for each mistake. `originAt` is the place of a member. */
export function explainStructure(
  setting: Setting,
  value: unknown,
  issues: readonly z.core.$ZodIssue[],
  originAt: (path: Path) => string,
): string[] {
  return issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      const place = schemaAt(setting.schema, issue.path)
      const known = place instanceof z.ZodObject ? Object.keys(place.shape) : []
      return issue.keys.map((key) => {
        const path = [...issue.path, key]
        return `${originAt(path)}: unknown setting ${setting.name}${writePath(path)}${didYouMean(key, known)}`
      })
    }
    const { path } = issue
    const name = setting.name + writePath(path)
    const found = memberAt(value, path)
    const place = schemaAt(setting.schema, path)
    const allowed = (place && allowedText.get(place)?.allowed) ?? issue.message
    if (found === undefined) return [`${originAt(path)}: ${name} is missing; allowed: ${allowed}`]
    const shown = isSecretPath(path) ? '[hidden]' : JSON.stringify(withoutSecrets(found))
    return [`${name}: ${shown} (${originAt(path)}) is not allowed; allowed: ${allowed}`]
  })
}

function memberAt(value: unknown, path: Path): unknown {
  let found = value
  for (const key of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined
    found = (found as Record<PropertyKey, unknown>)[key]
  }
  return found
}
