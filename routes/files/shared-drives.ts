/** `POST /files/shared-drives`. */

import { sharedDrivesId } from '../../src/files/node.ts'
import { filesDoctype } from '../../storage/files/contract.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { enter, refused } from './access.ts'
import { sendChanged } from './node-view.ts'
import { node, tag } from './schemas.ts'
import type { FilesServices } from './services.ts'

export function sharedDrivesRoute(face: Face, services: FilesServices): void {
  const { files } = services
  endpoint(
    face,
    {
      method: 'POST',
      path: '/files/shared-drives',
      summary: 'The directory of shared drives, created when it does not exist',
      tag,
      needs: 'POST on all of io.cozy.files or on this directory',
      answers: { 200: node },
    },
    async (c) => {
      const visit = await enter(c, services)
      if (!visit.permissions.allowsDocument('POST', filesDoctype, { _id: sharedDrivesId })) throw refused()
      return sendChanged(c, 200, visit, await files.sharedDrives(visit.drive), files)
    },
  )
}
