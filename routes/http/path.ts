import { Problem } from '../../src/model/errors.ts'

/**
 * Decodes one percent-encoded path segment, once. `+` is a plus sign. Throws `bad_request` for an
 * escape that is cut short or that is not UTF-8.
 */
export function segment(raw: string): string {
  if (!raw.includes('%')) return raw
  try {
    return decodeURIComponent(raw)
  } catch {
    throw new Problem('bad_request', `The path segment ${raw} is not valid percent-encoded UTF-8.`)
  }
}

/** The names between braces in a path template such as `/data/{type}/{id}/{name*}`. */
export type PathNames<Template extends string> = Template extends `${string}{${infer Name}}${infer Rest}`
  ? (Name extends `${infer Last}*` ? Last : Name) | PathNames<Rest>
  : never

export type PathValues<Template extends string> = { readonly [Name in PathNames<Template>]: string }

/**
 * Reads the values of a template's names out of a raw path that matched it. Made once per route. A last name with a star
 * takes the rest of the path, slashes included.
 */
export function pathReader<Template extends string>(template: Template): (path: string) => PathValues<Template> {
  const places: { readonly name: string; readonly index: number; readonly rest: boolean }[] = []
  for (const [index, part] of template.split('/').entries()) {
    if (part.startsWith('{'))
      places.push({ name: part.slice(1, -1).replace('*', ''), index, rest: part.endsWith('*}') })
  }
  return (path) => {
    const parts = path.split('/')
    const values: Record<string, string> = {}
    for (const { name, index, rest } of places) {
      values[name] = segment(rest ? parts.slice(index).join('/') : (parts[index] ?? ''))
    }
    return values as PathValues<Template>
  }
}

/** The same template as Hono writes it: `/data/:type/:id/:name{.+}`. */
export function routePattern(template: string): string {
  return template.replace(/\{(\w+)\}/g, ':$1').replace(/\{(\w+)\*\}$/, ':$1{.+}')
}
