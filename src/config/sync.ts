/** The storages that are kept in step and by which rules, as the file says it for the first start. */
import { z } from 'zod'
import { structure } from './structured.ts'
import { text } from './values.ts'

const entryName = () => text('a name of 1 to 64 characters without / and :', /^[^/:\p{Cc}]{1,64}$/u)

export const SyncEntries = structure(
  'a list of entries {name, driver, options}',
  z.array(
    z.strictObject({
      name: entryName(),
      driver: text('the name of a driver', /^[a-z][a-z0-9_]*$/),
      /** The driver says what these may be. */
      options: z.record(z.string(), z.unknown()).default({}),
    }),
  ),
)

const RuleMatch = structure(
  '{path} or {mime}',
  z.strictObject({
    path: text('a path that begins with /', /^\/[^\0\r\n]*$/).optional(),
    mime: structure(
      'a list of media types',
      z.array(text('a media type such as image/png or image/*', /^[^\s/]+\/[^\s/]+$/)).min(1),
    ).optional(),
  }),
)

export const SyncRules = structure(
  'a list of rules {match: {path, mime}, sync: [entries], ban: [entries]}',
  z.array(
    z.strictObject({
      match: RuleMatch,
      sync: structure('a list of names of entries', z.array(entryName())),
      ban: structure('a list of names of entries', z.array(entryName())).optional(),
    }),
  ),
)

/** Relative ones count from the folder of the configuration file; here they are absolute. */
export const SyncRoots = structure('a list of folders', z.array(text('a path')))
