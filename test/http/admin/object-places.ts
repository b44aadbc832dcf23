/** Where the objects of a test's server may be: every place that Hearth knows. */
import { minioProgram, sharedMinio } from '../../support/minio.ts'

export interface ObjectPlace {
  readonly name: string
  /** What the server must be told. */
  env(): Promise<Readonly<Record<string, string>>>
}

export function objectPlaces(): readonly ObjectPlace[] {
  const folder = { name: 'a folder', env: async () => ({}) }
  if (minioProgram() === undefined) return [folder]
  return [folder, { name: 'MinIO', env: async () => ({ HEARTH_OBJECTS_URL: (await sharedMinio()).newUrl() }) }]
}
