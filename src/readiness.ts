import type { DocumentStore } from '../storage/documents/contract.ts'
import { Problem } from './errors.ts'

/** A store that takes longer than this counts as not answering. */
const patienceMs = 2_000
/** An answer is believed this long, so that probes cost the store nothing. */
const believedMs = 500

/** Makes the check behind `/readyz`: `undefined` when the store answers, else what is wrong. */
export function newReadyCheck(
  store: Pick<DocumentStore, 'ping'>,
  now: () => number = Date.now,
): () => Promise<string | undefined> {
  let last: { readonly at: number; readonly answer: Promise<string | undefined> } | undefined
  return () => {
    if (last === undefined || now() - last.at > believedMs) last = { at: now(), answer: ask(store) }
    return last.answer
  }
}

async function ask(store: Pick<DocumentStore, 'ping'>): Promise<string | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, patienceMs, 'The document store takes too long to answer.')
  })
  const answered = store.ping().then(
    () => undefined,
    (error: unknown) => (error instanceof Problem ? error.reason : 'The document store does not answer.'),
  )
  try {
    return await Promise.race([answered, late])
  } finally {
    clearTimeout(timer)
  }
}
