/** One tenant. Secrets stay inside the service. */
export interface Instance {
  readonly id: string
  readonly rev: string
  readonly domain: string
  readonly aliases: readonly string[]
  /** Namespace of all of the instance's databases; never changes. */
  readonly prefix: string
  /** The whole document as stored, for the admin API. */
  readonly document: Readonly<Record<string, unknown>>
}
