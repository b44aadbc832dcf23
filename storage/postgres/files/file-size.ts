import type { Json } from '../../../src/model/json/value.ts'

/**
 * The size that a file's or version's document names, in bytes; 0 where it names none that makes sense. The twin in SQL is
 * `hearth_file_size` in migrations/0003-files.sql, and file-size.test.ts holds both to one table. Hearth writes sizes as
 * text; of a number that JSON writes with a fraction of zero (`12.0`), SQL knows the fraction and this does not.
 */
export function fileSize(value: Json | undefined): number {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 0
  const size: unknown = (value as { readonly size?: Json }).size
  if (typeof size !== 'string' && typeof size !== 'number') return 0
  return /^[0-9]{1,18}$/.test(String(size)) ? Number(size) : 0
}
