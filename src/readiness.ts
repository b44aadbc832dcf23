import { Problem } from './model/errors.ts'

/** A store that takes longer than this counts as not answering. */
const patienceMs = 2_000
/** An answer is believed this long, so that probes cost the stores nothing. */
const believedMs = 1_000

/** `ask`, asked once for all who want to know at about the same time: by strangers, too, who may want to know often. */
export function remembered<T>(ask: () => Promise<T>, now: () => number = Date.now): () => Promise<T> {
  let last: { readonly at: number; readonly answer: Promise<T>; ended: boolean } | undefined
  return () => {
    const isOld = last === undefined || (last.ended && now() - last.at > believedMs)
    if (!isOld && last !== undefined) return last.answer
    const begun = { at: now(), answer: ask(), ended: false }
    const end = () => {
      begun.ended = true
    }
    begun.answer.then(end, end)
    last = begun
    return begun.answer
  }
}

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
  return remembered(() => askAll(stores), now)
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
