import type { FilesServices } from '../files/services.ts'

/** What the routes of the settings need: all of them speak of files so far. */
export type SettingsServices = Pick<FilesServices, 'files' | 'instances' | 'driveOf' | 'log' | 'expiredStatus'>
