import { z } from 'zod'

/** Options that entries of every driver have. */
export const commonOptions = {
  max_bytes_per_second: z
    .number()
    .int()
    .positive()
    .optional()
    .describe('Bytes that are read from the place, or written to it, in a second at most.'),
  check_days: z
    .number()
    .int()
    .min(0)
    .max(3_650)
    .optional()
    .describe(
      'All contents are read and compared once in so many days; 0: never. 30 where reading costs nothing, else never.',
    ),
  mode: z
    .enum(['ro', 'wo'])
    .optional()
    .describe('ro: no file there is ever changed. wo: nothing is taken from there. Without it both ways.'),
}
