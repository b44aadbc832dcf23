import type { Instance } from '../../src/instances/service.ts'
import type { Json } from '../../src/model/json/value.ts'
import type { FilesServices } from '../files/services.ts'

/** What the routes of the settings need. */
export interface SettingsServices
  extends Pick<FilesServices, 'files' | 'instances' | 'driveOf' | 'log' | 'expiredStatus'> {
  /** Sets members of the owner's settings; `undefined` removes one. */
  readonly ownerSettings: (instance: Instance, members: Readonly<Record<string, Json | undefined>>) => Promise<void>
}
