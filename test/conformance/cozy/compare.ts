/** What differs between a recorded answer and another one, and which differences are wanted. */
import { type Answer, canonical, comparedHeaders, corsHeaders, isList, isMembers, type Value } from './normaliser.ts'
import { type Deviation, nameOf, type Step } from './recordings.ts'

export interface Difference {
  /** `extra`, `text` (the wording of an error) and `empty` (null against an empty list) do not count. */
  readonly kind: 'status' | 'missing' | 'value' | 'header' | 'extra' | 'text' | 'empty'
  readonly where: string
  readonly want: Value
  readonly got: Value
}

/** Differences that a client could be broken by. */
export function hardDifferences(step: Step, answer: Answer): readonly Difference[] {
  if (answer.status !== step.st) return [{ kind: 'status', where: 'status', want: step.st, got: answer.status }]
  const found: Difference[] = []
  compareValues(step.e as Value, answer.body, '', found)
  const inBody = found.map((one): Difference => ({ ...one, kind: kindOf(step, one) }))
  return [...inBody, ...headerDifferences(step, answer)].filter(
    ({ kind }) => kind === 'missing' || kind === 'value' || kind === 'header',
  )
}

/** The reason why a difference is wanted; `undefined`: it is not. */
export function reasonFor(deviations: readonly Deviation[], step: Step, difference: Difference): string | undefined {
  const matches = (pattern: string | undefined, text: string) => pattern === undefined || new RegExp(pattern).test(text)
  return deviations.find(
    (one) =>
      (one.surface === undefined || one.surface.split(',').includes(step.surface)) &&
      matches(one.sc, nameOf(step)) &&
      (one.m === undefined || one.m === step.m) &&
      matches(one.p, step.p) &&
      (one.kind === undefined || one.kind.split(',').includes(difference.kind)) &&
      matches(one.where, difference.where) &&
      matches(one.want, canonical(difference.want)) &&
      matches(one.got, canonical(difference.got)),
  )?.reason
}

function kindOf(step: Step, { kind, where, want, got }: Difference): Difference['kind'] {
  if (isEmpty(want) && isEmpty(got)) return 'empty'
  const isWording = step.st >= 400 && kind === 'value' && typeof want === 'string' && typeof got === 'string'
  return isWording && !/\.(status|parameter|pointer)$/.test(where) ? 'text' : kind
}

function isEmpty(value: Value): boolean {
  return value === null || value === '' || canonical(value) === '[]' || canonical(value) === '{}'
}

function compareValues(want: Value, got: Value, where: string, found: Difference[]): void {
  if (isMembers(want) && isMembers(got)) {
    for (const name of new Set([...Object.keys(want), ...Object.keys(got)])) {
      const place = `${where}.${name}`
      const [a, b] = [want[name], got[name]]
      if (a === undefined) found.push({ kind: 'extra', where: place, want: null, got: b ?? null })
      else if (b === undefined) found.push({ kind: 'missing', where: place, want: a, got: null })
      else compareValues(a, b, place, found)
    }
  } else if (isList(want) && isList(got)) {
    for (let at = 0; at < Math.min(want.length, got.length); at++) {
      compareValues(want[at] as Value, got[at] as Value, `${where}[${at}]`, found)
    }
    if (want.length !== got.length) {
      found.push({ kind: 'value', where: `${where}.length`, want: want.length, got: got.length })
    }
  } else if (want !== got) found.push({ kind: 'value', where: where || '.', want, got })
}

function headerDifferences(step: Step, { headers, body }: Answer): readonly Difference[] {
  const hasLength = step.st < 300 && step.eh['content-length'] !== undefined
  const isDownload = step.m === 'HEAD' || (step.m === 'GET' && step.p.includes('/download'))
  const names: string[] = [...comparedHeaders, ...(hasLength && isDownload ? ['content-length'] : [])]
  if (step.cors) names.push(...corsHeaders)
  return names.flatMap((name): readonly Difference[] => {
    const [want, got] = [step.eh[name], headers[name]]
    if (corsHeaders.includes(name)) {
      const allowed = new Set(listOf(got))
      return listOf(want).every((one) => allowed.has(one)) ? [] : [difference(name, want, got)]
    }
    if (name !== 'content-type') return (want ?? '') === (got ?? '') ? [] : [difference(name, want, got)]
    if (body === null && step.m !== 'HEAD') return []
    const media = (value = '') => value.split(';')[0] ?? ''
    return media(want) === media(got) ? [] : [difference(name, media(want), media(got))]
  })
}

function difference(where: string, want: string | undefined, got: string | undefined): Difference {
  return { kind: 'header', where, want: want ?? null, got: got ?? null }
}

function listOf(value = ''): readonly string[] {
  return value.split(',').flatMap((one) => one.trim().toLowerCase() || [])
}
