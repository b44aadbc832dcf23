import { z } from 'zod'

/** Options that entries of every driver have. */
export const commonOptions = {
  max_bytes_per_second: z
    .number()
    .int()
    .positive()
    .optional()
    .describe('Bytes that are read from the place, or written to it, in a second at most.'),
  mode: z
    .enum(['ro', 'wo'])
    .optional()
    .describe('ro: no file there is ever changed. wo: nothing is taken from there. Without it both ways.'),
}
