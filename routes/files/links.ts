/** Links that need no token: made for a file or a version, good for ten minutes. */
import { z } from '@hono/zod-openapi'
import type { FileNode } from '../../src/files/node.ts'
import { Problem } from '../../src/model/errors.ts'
import { parseJson } from '../../src/model/json/exact.ts'
import { isObject, type JsonObject } from '../../src/model/json/value.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { enter, enterPublic, nodeAtFor, nodeFor, type Visit } from './access.ts'
import { jsonApi, nodeObject } from './answer.ts'
import { asFile, downloadAnswers, downloadHeaders, downloadParameters, versionFor } from './download.ts'
import { sendContent } from './download-content.ts'
import { invalidParameter } from './errors.ts'
import { thumbnailsOf } from './node-view.ts'
import { textOf } from './request.ts'
import { type FilesServices, secretLifetime } from './services.ts'

/** Tells links to versions, which are kept apart, from others. */
const versionMark = 'v-'

export function linkRoutes(face: Face, services: FilesServices): void {
  const { files, secrets } = services

  endpoint(
    face,
    {
      method: 'POST',
      path: '/files/downloads',
      summary: 'Make a link to download a file without a token, for ten minutes',
      tag: 'files',
      needs: 'GET on the file',
      query: z.object({
        Path: textOf('The absolute path of the file'),
        Id: textOf('The id of the file, instead of the path'),
        VersionId: textOf('`FILE/VERSION`, instead of the path'),
        Filename: textOf('The name to save it under, instead of its own'),
      }),
      answers: {
        200: 'The file; the link is `links.related`',
        404: 'The file or the version does not exist',
        422: 'No file is named',
      },
    },
    async (c, { query }) => {
      const visit = await enter(c, services)
      const { file, internalId } = await chosen(visit, query)
      const value = JSON.stringify({ id: file.id, ...(internalId === undefined ? {} : { internalId }) })
      const kind = internalId === undefined ? 'download' : 'version'
      const secret = await secrets.put(visit.instance.prefix, kind, value, secretLifetime)
      const shown = `${internalId === undefined ? '' : versionMark}${secret}`
      return jsonApi(c, 200, {
        data: nodeObject(file, { thumbnails: thumbnailsOf(visit) }),
        links: { related: `/files/downloads/${shown}/${pathSegment(query.Filename ?? file.name)}` },
      })
    },
  )

  async function chosen(
    visit: Visit,
    {
      Path,
      Id,
      VersionId,
    }: { readonly Path?: string | undefined; Id?: string | undefined; VersionId?: string | undefined },
  ): Promise<{ readonly file: FileNode; readonly internalId?: string }> {
    if (Path !== undefined) return { file: asFile(await nodeAtFor(visit, 'GET', Path, files)) }
    if (Id !== undefined) return { file: asFile(await nodeFor(visit, 'GET', Id, files)) }
    if (VersionId === undefined) throw invalidParameter('Path', 'One of Path, Id and VersionId is needed')
    const [id = '', internalId = ''] = VersionId.split('/')
    const file = asFile(await nodeFor(visit, 'GET', id, files))
    await versionFor(visit, id, internalId, files)
    return { file, internalId }
  }

  endpoint(
    face,
    {
      method: 'GET',
      path: '/files/downloads/{secret}/{name}',
      summary: 'Download a file by a link',
      tag: 'files',
      query: z.object(downloadParameters),
      headers: downloadHeaders,
      answers: { ...downloadAnswers, 400: 'The link is wrong, or older than ten minutes' },
    },
    async (c, { path: { secret, name }, query: { Dl } }) => {
      const { instance, drive } = await enterPublic(c, services)
      const isVersion = secret.startsWith(versionMark)
      const kind = isVersion ? 'version' : 'download'
      const bare = isVersion ? secret.slice(versionMark.length) : secret
      const { id, internalId } = secretValue(await secrets.get(instance.prefix, kind, bare))
      const file = asFile(typeof id === 'string' ? await files.node(drive, id) : undefined)
      const version =
        typeof internalId === 'string' ? await versionFor({ drive }, file.id, internalId, files) : undefined
      return sendContent(c, services, { drive, file, version, name, attachment: Dl })
    },
  )
}

/** The value that was kept under a secret. Throws 400 when there is none. */
export function secretValue(text: string | undefined): JsonObject {
  const value = text === undefined ? undefined : parseJson(text).value
  if (!isObject(value)) throw wrongSecret()
  return value
}

export function wrongSecret(): Problem {
  return new Problem('bad_request', 'Wrong download token')
}

/** A name as the last segment of a link. Clients resolve `.` and `..` away before they send them. */
export function pathSegment(name: string): string {
  return /^\.{0,2}$/.test(name) ? 'download' : encodeURIComponent(name.toWellFormed())
}
