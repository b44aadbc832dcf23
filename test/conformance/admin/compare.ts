/** Whether an answer is as recorded, or one that is accepted in its place. */
import { isObject, type Json } from '../../../src/model/json/value.ts'
import { type Answer, secretMembers } from './normaliser.ts'
import type { Step } from './recordings.ts'

const unordered = new Set(['sort', 'sortdata', 'lines', 'docs', 'types', 'sortlists'])

/** Why an answer is not accepted; `undefined` when it is. */
export function whyNot(step: Step, answer: Answer): string | undefined {
  if (step.setup) return undefined
  const loose = (step.norm ?? []).some((norm) => typeof norm === 'string' && unordered.has(norm))
  let reason: string | undefined
  if (answer.st === step.st && !step.realbug && (step.st !== 500 || step.real500)) {
    const recorded = step.e ?? null
    const isMessage = isObject(recorded) && Object.keys(recorded).join() === '<text>'
    if (step.st >= 400 && isMessage) return undefined
    const isError = step.st >= 400
    const [want, got] = isError ? [weaken(recorded), weaken(answer.e)] : [recorded, answer.e]
    if (matches(want, got, loose)) return whyNotHeaders(step, answer)
    reason = 'body'
  }
  for (const { st, e = 'any' } of step.alt ?? []) {
    if (!st.includes(answer.st)) continue
    if (e === 'any') return undefined
    if (matches(e === 'same' ? (step.e ?? null) : e, answer.e, loose)) return undefined
    reason = 'body'
  }
  // What the reference could not digest is the client's mistake.
  if (step.st === 500 && step.alt === undefined && answer.st >= 400 && answer.st < 500) return undefined
  const others = (step.alt ?? []).map(({ st, why }) => ` or ${st.join('/')} (${why})`).join('')
  return reason ?? `status ${answer.st} instead of ${step.st}${others}`
}

function whyNotHeaders(step: Step, { st, hd }: Answer): string | undefined {
  const recorded = step.hd_real ?? {}
  for (const name of st < 400 ? ['location', 'content-disposition'] : []) {
    if (name === 'location' && step.anyloc && hd[name] !== undefined) continue
    const want = recorded[name]
    if (want !== undefined && want !== hd[name]) return `header ${name}: ${hd[name]} instead of ${want}`
  }
  const media = recorded['content-type']
  if (st < 300 && media && media !== hd['content-type'] && !step.anyct) {
    return `content-type: ${hd['content-type']} instead of ${media}`
  }
  return undefined
}

/** Of failures only the status and the code count; the wording is everybody's own. */
function weaken(body: Json): Json {
  if (!isObject(body)) return body
  const { errors } = body
  if (Array.isArray(errors)) {
    const kept = errors
      .filter(isObject)
      .map((error) =>
        Object.fromEntries(Object.entries(error).filter(([name]) => name === 'status' || name === 'code')),
      )
    return { errors: kept }
  }
  const names = Object.keys(body).join()
  return names === 'error' || names === '<text>' ? { [names]: '<text>' } : body
}

/** Equal, but that objects may have further members, never secrets. */
function matches(want: Json, got: Json, loose: boolean): boolean {
  if (isObject(want) && isObject(got)) {
    const shows = [...secretMembers].some((name) => got[name] && !(name in want))
    return (
      !shows && Object.entries(want).every(([name, item]) => name in got && matches(item, got[name] as Json, loose))
    )
  }
  if (!Array.isArray(want) || !Array.isArray(got)) return want === got
  if (want.length !== got.length) return false
  if (!loose) return want.every((item: Json, at) => matches(item, got[at] as Json, loose))
  const rest: Json[] = [...got]
  return want.every((item: Json) => {
    const at = rest.findIndex((other) => matches(item, other, loose))
    if (at >= 0) rest.splice(at, 1)
    return at >= 0
  })
}
