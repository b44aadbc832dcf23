import { jsonValue } from '../http/answer.ts'
import type { HttpContext } from '../http/router.ts'

/** Sent with everything: clients expect it, although nothing is negotiated. */
export const usualHeaders = { vary: 'Accept' } as const

/** An answer of the sync API. */
export function answer(
  c: HttpContext,
  value: unknown,
  {
    status = 200,
    headers = {},
  }: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): Response {
  return jsonValue(c, status, value, { ...usualHeaders, ...headers })
}

/** Seconds since 1970, as all times of this API. */
export function nowSeconds(): number {
  return Date.now() / 1_000
}
