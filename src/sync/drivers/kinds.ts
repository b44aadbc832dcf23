import type { DriverKind } from './contract.ts'
import { type HearthServices, hearthKind } from './hearth/hearth.ts'
import { localStorage } from './local/local-storage.ts'
import { type S3Services, s3Kind } from './s3/s3.ts'
import { type SftpServices, sftpKind } from './sftp/sftp.ts'
import { type WebdavServices, webdavKind } from './webdav/webdav.ts'

/** All drivers. */
export function driverKinds(
  services: HearthServices & S3Services & SftpServices & WebdavServices,
): readonly DriverKind[] {
  return [localStorage, s3Kind(services), hearthKind(services), webdavKind(services), sftpKind(services)]
}
