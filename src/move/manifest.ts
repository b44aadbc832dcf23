/** Exports of any server, as they describe themselves. */
import { z } from 'zod'
import { Problem } from '../model/errors.ts'
import type { Outgoing } from '../outgoing/outgoing.ts'
import { OutgoingError } from '../outgoing/outgoing-error.ts'

export interface Manifest {
  /** Of the description; the parts are below `exports/data/` beside it. */
  readonly url: string
  /** Empty for a single part. */
  readonly cursors: readonly string[]
  /** Bytes of documents, and of files where the server tells them. */
  readonly size: number
  /** Bytes of files and versions, where the server tells them. */
  readonly filesSize?: number | undefined
  /** What the export holds; absent: all. */
  readonly doctypes?: ReadonlySet<string> | undefined
}

const Described = z.object({
  data: z.object({
    attributes: z.object({
      state: z.literal('done'),
      parts_cursors: z.array(z.string()).nullish(),
      total_size: z.number().nonnegative(),
      files_size: z.number().nonnegative().optional(),
      with_doctypes: z.array(z.string()).nullish(),
    }),
  }),
})

/** Larger than the description of an export of some hundred thousand parts. */
const maxBytes = 16 * 1024 ** 2
/** For all of it: a server that sends a byte from time to time would keep the connection for ever. Milliseconds. */
const wholeMs = 120_000

/**
 * Where the description is to which a mailed link leads: the link opens the settings page of the instance and names the export
 * after the `#`. `undefined` when it is not such a link.
 */
export function manifestUrl(link: string): URL | undefined {
  const trimmed = link.trim()
  if (!URL.canParse(trimmed)) return undefined
  const url = new URL(trimmed)
  const identifier = /^#\/exports\/([\w=-]+)$/.exec(url.hash)?.[1]
  if (identifier === undefined || !/^https?:$/.test(url.protocol)) return undefined
  const [first = '', ...rest] = url.host.split('.')
  const host = first === 'settings' ? rest.join('.') : [first.replace(/-settings$/, ''), ...rest].join('.')
  const found = `${url.protocol}//${host}/move/exports/${identifier}`
  return host !== '' && !host.startsWith('.') && URL.canParse(found) ? new URL(found) : undefined
}

/** Fetches the description of an export that is ready. @throws Problem `precondition_failed` with `source` naming the link */
export async function readManifest(outgoing: Pick<Outgoing, 'fetch'>, link: string): Promise<Manifest> {
  const url = manifestUrl(link)
  if (url === undefined) throw unusable('the link is not one of an export')
  return readManifestAt(outgoing, url)
}

/** The same by the address of the description. */
export async function readManifestAt(outgoing: Pick<Outgoing, 'fetch'>, url: URL): Promise<Manifest> {
  try {
    const headers = { accept: 'application/vnd.api+json' }
    const response = await outgoing.fetch(url, { headers, maxBytes, signal: AbortSignal.timeout(wholeMs) })
    if (response.status !== 200) {
      await response.body?.cancel()
      throw unusable('exports: not found')
    }
    const described = Described.safeParse(
      await response.json().catch((error: unknown) => {
        if (error instanceof OutgoingError) throw error
        return undefined
      }),
    )
    if (!described.success) throw unusable('exports: not found')
    const { parts_cursors, total_size, files_size, with_doctypes } = described.data.data.attributes
    return {
      url: url.href,
      cursors: parts_cursors ?? [],
      size: total_size + (files_size ?? 0),
      filesSize: files_size,
      doctypes: with_doctypes?.length ? new Set(with_doctypes) : undefined,
    }
  } catch (error) {
    if (error instanceof OutgoingError) throw unusable(error.message, error)
    throw error
  }
}

/** Throws `too_large` when what the export holds does not fit into the quota. What it holds now is replaced and does not count. */
export function requireRoom({ size }: Pick<Manifest, 'size'>, quota: number | undefined): void {
  if (quota !== undefined && quota > 0 && size > quota) {
    throw new Problem('too_large', 'import: not enough disk space', { source: { parameter: 'url' } })
  }
}

/** The quota of an instance in bytes; it is kept as text. */
export function quotaOf(value: unknown): number | undefined {
  const quota = Number(value ?? 0)
  return quota > 0 ? quota : undefined
}

function unusable(reason: string, cause?: unknown): Problem {
  return new Problem('precondition_failed', reason, { source: { parameter: 'url' }, cause })
}
