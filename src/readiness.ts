import { Problem } from './model/errors.ts'

/** A store that takes longer than this counts as not answering. */
const patienceMs = 2_000
/** An answer is cached this long, so that probes cost the stores nothing. */
const believedMs = 500

/** Something that serving needs. */
export interface Pinged {
  ping(): Promise<void>
}

/**
 * Makes the check behind `/readyz`: `undefined` when every store answers, else what is wrong with the first one that does
 * not. `stores` is by the name that people read.
 */
export function newReadyCheck(
  stores: Readonly<Record<string, Pinged>>,
  now: () => number = Date.now,
): () => Promise<string | undefined> {
  let last: { readonly at: number; readonly answer: Promise<string | undefined> } | undefined
  return () => {
    if (last === undefined || now() - last.at > believedMs) last = { at: now(), answer: askAll(stores) }
    return last.answer
  }
}

async function askAll(stores: Readonly<Record<string, Pinged>>): Promise<string | undefined> {
  const answers = await Promise.all(Object.entries(stores).map(([name, store]) => ask(name, store)))
  return answers.find((answer) => answer !== undefined)
}

async function ask(name: string, store: Pinged): Promise<string | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, patienceMs, `The ${name} takes too long to answer.`)
  })
  const answered = store.ping().then(
    () => undefined,
    (error: unknown) => (error instanceof Problem ? error.reason : `The ${name} does not answer.`),
  )
  try {
    return await Promise.race([answered, late])
  } finally {
    clearTimeout(timer)
  }
}
