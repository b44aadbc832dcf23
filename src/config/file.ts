/** Reads the YAML configuration file into settings with their lines. */
import { isCollection, isMap, isNode, isScalar, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml'
import { settingNamed, settings } from './leaves.ts'
import { didYouMean } from './suggest.ts'

export interface FileValue {
  readonly name: string
  readonly value: unknown
  /** Counted from 1. */
  readonly line: number
  /** The line of the member at this path inside the value. */
  readonly lineAt: (path: readonly PropertyKey[]) => number
}

export interface ParsedFile {
  readonly values: readonly FileValue[]
  /** What is wrong with the file itself, each starting with `path:line`. */
  readonly problems: readonly string[]
}

/** Names of settings may be nested or dotted (`admin: {port: 1}` or `admin.port: 1`). Null counts as not given. */
export function parseConfigFile(text: string, path: string): ParsedFile {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, strict: true })
  const values: FileValue[] = []
  const problems = document.errors.map((error) => `${path}:${lines.linePos(error.pos[0]).line}: ${error.message}`)
  if (problems.length > 0) return { values, problems }

  const walk = (map: YAMLMap, prefix: string) => {
    for (const { key, value } of map.items) {
      const name = prefix + (isScalar(key) ? String(key.value) : '?')
      const line = lineOf(key)
      if (settingNamed(name)) {
        const member = isNode(value) ? valueAt(value) : undefined
        const lineAt = (path: readonly PropertyKey[]) => lineOf(nodeAt(value, path) ?? key)
        if (member !== null && member !== undefined) values.push({ name, value: member, line, lineAt })
      } else if (!settings.some((setting) => setting.name.startsWith(`${name}.`))) {
        problems.push(
          `${path}:${line}: unknown setting ${name}${didYouMean(
            name,
            settings.map((setting) => setting.name),
          )}`,
        )
      } else if (isMap(value)) walk(value, `${name}.`)
      else if (!(isScalar(value) && value.value === null))
        problems.push(`${path}:${line}: ${name} is a section: its settings belong below it, indented`)
    }
  }
  const valueAt = (node: Node): unknown => {
    try {
      return node.toJS(document)
    } catch (error) {
      problems.push(`${path}:${lineOf(node)}: ${error instanceof Error ? error.message : String(error)}`)
      return undefined
    }
  }
  const lineOf = (node: unknown) => {
    const range = (node as { range?: readonly number[] } | null)?.range
    return range?.[0] === undefined ? 1 : lines.linePos(range[0]).line
  }

  if (isMap(document.contents)) walk(document.contents, '')
  else if (document.contents !== null && !(isScalar(document.contents) && document.contents.value === null))
    problems.push(`${path}:1: the file must be a mapping of settings to values`)
  return { values, problems }
}

/** The key at the end of the path, or the item where it is a list; as near as the file has it. */
function nodeAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let found: unknown
  let node = value
  for (const step of path) {
    if (!isCollection(node)) break
    const pair = isMap(node) ? node.items.find(({ key }) => isScalar(key) && String(key.value) === step) : undefined
    const next = pair ? pair.value : node.get(step, true)
    if (pair === undefined && next === undefined) break
    found = pair?.key ?? next
    node = next
  }
  return found
}
