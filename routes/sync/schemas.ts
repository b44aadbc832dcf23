/** The bodies of the sync API, for its description. */
import { z } from 'zod'

export const File = z
  .object({
    fid: z.string(),
    filename: z.string(),
    size: z.number(),
    owners: z.array(z.string()),
    uptodate: z.array(z.string()),
  })
  .describe('A file')
export const Entry = z
  .object({ name: z.string(), driver: z.string(), options: z.record(z.string(), z.unknown()) })
  .describe('An entry')
export const Rules = z
  .object({
    rules: z.array(
      z.object({
        match: z.object({ path: z.string().optional(), mime: z.array(z.string()).optional() }),
        sync: z.array(z.string()),
        ban: z.array(z.string()).optional(),
      }),
    ),
    unsync: z.enum(['release', 'trash']).optional(),
  })
  .describe('The rules')
export const Done = z.object({ status: z.literal('ok') }).describe('Done')
export const Transition = z.object({ name: z.string(), status: z.string(), time: z.number() }).describe('Done')
export const failures = {
  400: 'Not understood',
  404: 'It does not exist',
  422: 'Understood and not acceptable',
  503: 'No process leads, or the storage does not answer',
} as const
