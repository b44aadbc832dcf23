import { z } from 'zod'

/** Options that entries of every driver have. */
export const commonOptions = {
  max_bytes_per_second: z
    .number()
    .int()
    .positive()
    .optional()
    .describe('Bytes that are read from the place, or written to it, in a second at most.'),
}
