/** Restoring a version, and deleting all of them: routes that begin with a name, not with an id. */
import { endpoint, type Face } from '../http/endpoint.ts'
import { enter, nodeFor, requireWhole } from './access.ts'
import { asFile } from './download.ts'
import { sendChanged } from './node-view.ts'
import type { FilesServices } from './services.ts'

export function revertRoutes(face: Face, services: FilesServices): void {
  const { files } = services

  endpoint(
    face,
    {
      method: 'POST',
      path: '/files/revert/{file}/{version}',
      summary: 'Make the content of a version the current one, which becomes a version',
      tag: 'files',
      needs: 'POST on the file',
      answers: { 200: 'The file as it is now', 404: 'The file or the version does not exist' },
    },
    async (c, { path }) => {
      const visit = await enter(c, services)
      asFile(await nodeFor(visit, 'POST', path.file, files))
      const file = await files.revert(visit.drive, path.file, path.version)
      return sendChanged(c, 200, visit, file, files)
    },
  )

  endpoint(
    face,
    {
      method: 'DELETE',
      path: '/files/versions',
      summary: 'Delete all versions of all files',
      tag: 'files',
      needs: 'DELETE on all files',
      answers: { 204: 'There are no versions any more' },
    },
    async (c) => {
      const visit = await enter(c, services)
      requireWhole(visit, 'DELETE')
      await files.deleteAllVersions(visit.drive)
      return new Response(null, { status: 204 })
    },
  )
}
