/** What the routes of procedures have in common: a claim that is given up on failure, and the line in the audit log. */
import type { Appliance } from '../../src/appliance/appliance.ts'
import type { Procedure } from '../../src/appliance/procedures.ts'
import { type HttpContext, header } from '../http/router.ts'
import { addressOf } from './access.ts'

/** Claims a procedure and does what begins it; the claim is given up when that fails. */
export async function claiming<T>(
  procedure: Pick<Procedure, 'reserve' | 'release'>,
  begin: () => Promise<T>,
): Promise<T> {
  await procedure.reserve()
  try {
    return await begin()
  } catch (error) {
    procedure.release()
    throw error
  }
}

/** Writes into the audit log what the caller of a request did. */
export function report(
  c: HttpContext,
  { audit }: Pick<Appliance, 'audit'>,
  entry: { readonly action: string; readonly target?: string; readonly status: number },
): Promise<void> {
  return audit.write({ ...entry, address: addressOf(c), agent: header(c, 'user-agent') })
}
