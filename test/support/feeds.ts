/** Reading feeds of changes as they come. */
export interface FeedRow {
  readonly seq: string
  readonly id: string
  readonly changes: readonly { readonly rev: string }[]
  readonly deleted?: boolean
  readonly doc?: Record<string, unknown>
}

/** Lines of a response as they arrive, blank ones too. Ends when the connection does; throws when it is cut. */
export async function* linesOf(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  if (rest !== '') yield rest
}

/** The number in front of a sequence. */
export function numberOf(seq: string): number {
  return Number.parseInt(seq, 10)
}
