/** `GET /files/download`: the bytes of a file by id, by path, or of one of its versions. */

import { z } from '@hono/zod-openapi'
import type { FileNode, Node } from '../../src/files/node.ts'
import { fileNotFound } from '../../src/files/problems.ts'
import type { Version } from '../../src/files/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { enter, nodeAtFor, nodeFor, type Visit } from './access.ts'
import { sendContent } from './download-content.ts'
import { invalidParameter } from './errors.ts'
import { textOf } from './request.ts'
import type { FilesServices } from './services.ts'

/** `Dl=1`, and the page of a PDF, which is refused: the whole file must not pass for one page of it. */
export const downloadParameters = {
  Dl: z
    .string()
    .optional()
    .describe('1: as an attachment')
    .transform((text) => text === '1'),
  Page: z.string().optional().describe('A page of a PDF: not served').transform(refusePage),
} as const

export const downloadHeaders = {
  Range: 'One range of bytes; several get the whole file',
  'If-Range': 'The ETag that the range belongs to; a date gets the whole file',
  'If-Match': '412 when it does not name the ETag',
  'If-Unmodified-Since': '412 when the file is newer; not looked at beside If-Match',
  'If-None-Match': '304 when it names the ETag',
  'If-Modified-Since': '304 when the file is not newer; not looked at beside If-None-Match',
} as const

export const downloadAnswers = {
  200: 'The bytes',
  206: 'The range asked for',
  304: 'The client has these bytes already',
  404: 'No such file, or its bytes are lost',
  412: 'The file is not the one asked for',
  416: 'The range lies behind the end',
  422: 'The page is not a number',
} as const

const declared = {
  method: 'GET',
  tag: 'files',
  needs: 'GET on the file',
  headers: downloadHeaders,
  answers: downloadAnswers,
} as const

export function downloadRoute(face: Face, services: FilesServices): void {
  const { files } = services

  endpoint(
    face,
    {
      ...declared,
      path: '/files/download',
      summary: 'Download a file by its path',
      query: z.object({ Path: textOf('The absolute path'), ...downloadParameters }),
    },
    async (c, { query: { Path, Dl } }) => {
      const visit = await enter(c, services)
      if (Path === undefined) throw invalidParameter('Path', 'The parameter Path is missing')
      const file = asFile(await nodeAtFor(visit, 'GET', Path, files))
      return sendContent(c, services, { drive: visit.drive, file, attachment: Dl })
    },
  )

  endpoint(
    face,
    {
      ...declared,
      path: '/files/download/{id}',
      summary: 'Download a file',
      query: z.object(downloadParameters),
    },
    async (c, { path: { id }, query: { Dl } }) => {
      const visit = await enter(c, services)
      const file = asFile(await nodeFor(visit, 'GET', id, files))
      return sendContent(c, services, { drive: visit.drive, file, attachment: Dl })
    },
  )

  endpoint(
    face,
    {
      ...declared,
      path: '/files/download/{file}/{version}',
      summary: 'Download a version of a file',
      query: z.object(downloadParameters),
    },
    async (c, { path, query: { Dl } }) => {
      const visit = await enter(c, services)
      const file = asFile(await nodeFor(visit, 'GET', path.file, files))
      const version = await versionFor(visit, path.file, path.version, files)
      return sendContent(c, services, { drive: visit.drive, file, version, attachment: Dl })
    },
  )
}

/** Throws 404 for a directory, as for what does not exist. */
export function asFile(node: Node | undefined): FileNode {
  if (node?.kind !== 'file') throw fileNotFound()
  return node
}

/** Throws 404 when the file has no such version. */
export async function versionFor(
  visit: Pick<Visit, 'drive'>,
  fileId: string,
  internalId: string,
  files: Pick<FilesServices['files'], 'version'>,
): Promise<Version> {
  const version = await files.version(visit.drive, fileId, internalId)
  if (version === undefined) throw fileNotFound()
  return version
}

function refusePage(text: string | undefined): undefined {
  if (text === undefined || text === '') return undefined
  if (!/^\d+$/.test(text)) throw invalidParameter('Page', `The page must be a number, not ${text}`)
  throw pagesNotServed()
}

export function pagesNotServed(): Problem {
  return new Problem('not_supported', 'Single pages of PDFs are not served; download the whole file')
}
