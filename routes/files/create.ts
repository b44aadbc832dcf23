/** `POST /files/` and `POST /files/DIRECTORY`: new directories and files. */
import { z } from '@hono/zod-openapi'
import { typeOf } from '../../src/files/mime.ts'
import { rootId } from '../../src/files/node.ts'
import { Problem } from '../../src/model/errors.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { incomingBytes } from '../http/incoming.ts'
import type { HttpContext } from '../http/router.ts'
import { enter, requireNew, requireSome, type Visit } from './access.ts'
import { createAt } from './create-at.ts'
import { sendMade } from './node-view.ts'
import { dateHeader, dateOf, flagOf, textOf } from './request.ts'
import { needs, node, tag } from './schemas.ts'
import type { FilesServices } from './services.ts'
import { contentClaims, contentHeaders, contentParameters, metadataOf } from './upload-request.ts'

const query = z.object({
  Type: textOf('`directory` or `file`'),
  Name: textOf('Name of the directory or file'),
  Path: textOf('Of a directory: the absolute path, instead of Name'),
  Recursive: flagOf('with Path, make the directories above it too'),
  CreatedAt: dateOf('Date of creation, RFC 3339'),
  SourceAccountIdentifier: textOf('Which of the accounts it was imported from'),
  ...contentParameters,
})

type Query = z.output<typeof query>

const declaration = {
  method: 'POST',
  tag,
  needs: needs('POST'),
  query,
  headers: { ...contentHeaders, Date: 'Date of creation and of the last change (RFC 1123)' },
  body: z.string().describe('Of a file: its bytes').openapi({ format: 'binary' }),
  bodyMedia: 'application/octet-stream',
  answers: {
    201: node,
    404: 'The directory does not exist or is in the trash',
    409: 'The name is taken',
    412: 'The bytes are not as announced',
    413: 'There is no room',
    422: 'A parameter or header is wrong; `source` names it',
  },
} as const

/** `POST /files`, a fixed name. */
export function createInRootRoute(face: Face, services: FilesServices): void {
  endpoint(face, { ...declaration, path: '/files', summary: 'Create a directory or file in the root' }, (c, input) =>
    create(c, rootId, input.query, services),
  )
}

export function createRoute(face: Face, services: FilesServices): void {
  endpoint(face, { ...declaration, path: '/files/{id}', summary: 'Create a directory or file' }, (c, input) =>
    create(c, input.path.id, input.query, services),
  )
}

async function create(c: HttpContext, dirId: string, query: Query, services: FilesServices): Promise<Response> {
  const visit = await enter(c, services)
  requireSome(visit, 'POST')
  switch (query.Type) {
    case 'directory':
      return query.Path === undefined
        ? createDirectory(c, visit, dirId, query, services)
        : createAt(c, visit, { ...query, Path: query.Path }, services)
    case 'file':
      return createFile(c, visit, dirId, query, services)
    default:
      throw new Problem('invalid_parameter', 'Invalid document type', {
        source: { pointer: '/data/attributes/type' },
      })
  }
}

async function createDirectory(
  c: HttpContext,
  visit: Visit,
  dirId: string,
  query: Query,
  services: FilesServices,
): Promise<Response> {
  const directory = { dirId, ...(await commonOf(c, visit, query, services)) }
  const value = { type: 'directory', name: directory.name, dir_id: dirId }
  await requireNew(visit, 'POST', { dirId, tags: directory.tags, value }, services.files)
  const made = await services.files.createDirectory(visit.drive, directory)
  return sendMade(c, visit, made)
}

async function createFile(
  c: HttpContext,
  visit: Visit,
  dirId: string,
  query: Query,
  services: FilesServices,
): Promise<Response> {
  const claims = contentClaims(c, query)
  const file = {
    dirId,
    ...claims,
    ...(await commonOf(c, visit, query, services)),
    sourceAccountIdentifier: query.SourceAccountIdentifier,
  }
  const value = { type: 'file', name: file.name, dir_id: dirId, ...typeOf(file.name, claims.mime) }
  await requireNew(visit, 'POST', { dirId, tags: file.tags, value }, services.files)
  const made = await services.files.createFile(visit.drive, file, incomingBytes(c))
  return sendMade(c, visit, made)
}

async function commonOf(c: HttpContext, { drive }: Visit, query: Query, { secrets }: FilesServices) {
  const date = dateHeader(c)
  return {
    name: query.Name ?? '',
    tags: query.Tags,
    createdAt: query.CreatedAt ?? date,
    updatedAt: query.UpdatedAt ?? date,
    metadata: await metadataOf(drive.prefix, query, secrets),
    sourceAccount: query.SourceAccount,
  }
}
