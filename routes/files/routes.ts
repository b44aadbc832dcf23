/**
 * The files API under `/files`: its URL space in one screen. Fixed names come before the place of an id, and a
 * wrong method on one of them is 405, never an id.
 */

import type { Fsck } from '../../src/fsck/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { referencesRoutes } from '../data/references.ts'
import { type Face, newFace, refuseOtherMethods } from '../http/endpoint.ts'
import { allDocsRoute } from './all-docs.ts'
import { mediaType } from './answer.ts'
import { archiveRoutes } from './archive.ts'
import { changesRoute } from './changes.ts'
import { copyRoute } from './copy.ts'
import { createInRootRoute, createRoute } from './create.ts'
import { downloadRoute } from './download.ts'
import { errorBody } from './errors.ts'
import { findRoute } from './find.ts'
import { fsckRoute } from './fsck.ts'
import { linkRoutes } from './links.ts'
import { modifyNamesRoutes, modifyRoute } from './modify.ts'
import { nodeNamesRoutes, nodeRoutes } from './nodes.ts'
import { overwriteRoute } from './overwrite.ts'
import { referencedByRoutes } from './references.ts'
import { revertRoutes } from './revert.ts'
import type { FilesServices } from './services.ts'
import { sharedDrivesRoute } from './shared-drives.ts'
import { thumbnailRoute } from './thumbnail.ts'
import { moveToTrashRoute, trashRoutes } from './trash.ts'
import { uploadMetadataRoute } from './upload-metadata.ts'
import { versionRoutes } from './versions.ts'

/** Mount the face's router at the root, before the data face: some of its paths are below `/data`. */
export function filesRoutes(services: FilesServices & { readonly fsck: Pick<Fsck, 'badContents'> }): Face {
  const { log, expiredStatus: invalidTokenStatus } = services
  const face = newFace({ log, errorBody, media: mediaType, invalidTokenStatus })
  downloadRoute(face, services) //       GET           /files/download, /files/download/ID, /files/download/FILE/VERSION
  linkRoutes(face, services) //          POST          /files/downloads; GET /files/downloads/SECRET/NAME
  archiveRoutes(face, services) //       POST          /files/archive; GET /files/archive/SECRET/NAME
  revertRoutes(face, services) //        POST          /files/revert/FILE/VERSION; DELETE /files/versions
  nodeNamesRoutes(face, services) //     GET           /files/metadata
  allDocsRoute(face, services) //        POST          /files/_all_docs
  findRoute(face, services) //           POST          /files/_find
  changesRoute(face, services) //        GET           /files/_changes
  fsckRoute(face, services) //           GET           /files/fsck
  uploadMetadataRoute(face, services) // POST          /files/upload/metadata
  sharedDrivesRoute(face, services) //   POST          /files/shared-drives
  trashRoutes(face, services) //         GET, DELETE   /files/trash; POST, DELETE /files/trash/ID
  modifyNamesRoutes(face, services) //   PATCH         /files, /files/metadata
  referencesRoutes(face, services) //    GET, POST, DELETE /data/T/ID/relationships/references
  createInRootRoute(face, services) //   POST          /files
  refuseOtherMethods(face)

  createRoute(face, services) //         POST          /files/DIRECTORY
  nodeRoutes(face, services) //          GET           /files/ID, .../relationships/contents, .../size
  referencedByRoutes(face, services) //  POST, DELETE  /files/ID/relationships/referenced_by
  copyRoute(face, services) //           POST          /files/FILE/copy
  overwriteRoute(face, services) //      PUT           /files/FILE
  modifyRoute(face, services) //         PATCH         /files/ID
  moveToTrashRoute(face, services) //    DELETE        /files/ID
  thumbnailRoute(face, services) //      GET           /files/FILE/thumbnails/SECRET/FORMAT
  versionRoutes(face, services) //       POST, PATCH, DELETE /files/FILE/versions, /files/FILE/VERSION: any second name, so they come last
  refuseOtherMethods(face)

  face.router.all('/files/*', (c) => face.onError(new Problem('not_found', 'Not Found'), c))
  return face
}
