/** A database of one tenant. `prefix` is the instance's namespace, `global` for the server's own documents. */
export interface DatabaseRef {
  readonly prefix: string
  readonly name: string
}

/** One text for a database, used as the key in maps: no name contains a line break. */
export function databaseKey({ prefix, name }: DatabaseRef): string {
  return `${prefix}\n${name}`
}
