/** How many processes serve, and what is set for jobs. */
import { z } from 'zod'
import { structure } from './structured.ts'
import { allowedText, decimal, seconds, text, whole } from './values.ts'

/** A number of serving processes, or `auto` for one for each core. */
export function processes() {
  const schema = z.preprocess(decimal, z.union([z.literal('auto'), z.number().int().min(1).max(256)]))
  return schema.register(allowedText, { allowed: 'a whole number from 1 to 256, or auto' })
}

export const JobWorkers = structure(
  'a map of workers, each with concurrency, max_exec_count and timeout',
  z.record(
    z.string().min(1),
    z.strictObject({
      /** At once in one process; 0 runs none here. */
      concurrency: whole(0, 1000).optional(),
      max_exec_count: whole(1, 100).optional(),
      timeout: seconds(1).optional(),
    }),
  ),
)

export const TrashAges = structure(
  'a map of contexts, each an age such as 30D, 8W or 3M',
  z.record(z.string().min(1), text('an age such as 30D, 8W or 3M', /^\d+[DWMY]$/)),
)
