/** Zip archives of chosen files and directories: at once, or by a link that needs no token. */

import { z } from '@hono/zod-openapi'
import { openArchive, type Selection } from '../../src/archive/selection.ts'
import type { Node } from '../../src/files/node.ts'
import { fileNotFound } from '../../src/files/problems.ts'
import type { Drive } from '../../src/files/service.ts'
import { isObject, type Json } from '../../src/model/json/value.ts'
import { jsonValue } from '../http/answer.ts'
import { contentDisposition } from '../http/content-disposition.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { type HttpContext, header } from '../http/router.ts'
import { streamBytes } from '../http/stream.ts'
import { logFailure } from '../observe.ts'
import { enter, enterPublic, nodeAtFor, requireNode, requireSome, type Visit } from './access.ts'
import { jsonApi } from './answer.ts'
import { pagesNotServed } from './download.ts'
import { badBody } from './errors.ts'
import { pathSegment, secretValue } from './links.ts'
import { readData } from './request.ts'
import { type FilesServices, secretLifetime } from './services.ts'

const archiveType = 'io.cozy.files.archives'

const asked = z.object({
  name: z.string().optional().describe('Of the archive and of the folder in it; without a slash'),
  ids: z.array(z.string()).optional().describe('Files and directories by their ids'),
  files: z.array(z.string()).optional().describe('Files and directories by their paths'),
  pages: z.array(z.unknown()).optional().describe('Pages of PDFs: not served'),
})

export function archiveRoutes(face: Face, services: FilesServices): void {
  const { files, secrets } = services

  endpoint(
    face,
    {
      method: 'POST',
      path: '/files/archive',
      summary: 'Make a link to a zip archive, for ten minutes; or the archive at once',
      tag: 'files',
      needs: 'GET on everything that is chosen',
      headers: { Accept: 'application/zip: the archive itself' },
      body: z.object({ data: z.object({ attributes: asked }) }),
      answers: {
        200: 'The link is `links.related`; or the archive',
        400: 'Nothing is chosen, the name is not a file name, or pages of PDFs are chosen, which are not served',
        404: 'Something that is chosen does not exist',
      },
    },
    async (c) => {
      const visit = await enter(c, services)
      const { name = '', ids = [], files: paths = [], pages = [] } = attributesOf(await readData(c, services))
      if (pages.length > 0) throw pagesNotServed()
      if (ids.length + paths.length === 0) return jsonValue(c, 400, "Can't create an archive with no files")
      if (name.includes('/')) return jsonValue(c, 400, "The archive filename can't contain a /")
      if (/^\.\.?$|\0/.test(name)) return jsonValue(c, 400, 'The archive filename is not valid')
      const selection = { name: name === '' ? 'archive' : name, nodes: await chosen(visit, ids, paths) }
      if (header(c, 'accept')?.includes('application/zip') === true) return send(c, visit.drive, selection)
      const value = { name: selection.name, ids: selection.nodes.map(({ id }) => id) }
      const secret = await secrets.put(visit.instance.prefix, 'archive', JSON.stringify(value), secretLifetime)
      const self = `/files/archive/${secret}`
      return jsonApi(c, 200, {
        data: { type: archiveType, id: secret, attributes: value, meta: {}, links: { self } },
        links: { related: `${self}/${pathSegment(`${selection.name}.zip`)}` },
      })
    },
  )

  endpoint(
    face,
    {
      method: 'GET',
      path: '/files/archive/{secret}/{name}',
      summary: 'Download an archive by its link',
      tag: 'files',
      answers: {
        200: 'The zip archive; the connection is cut when a file cannot be read',
        400: 'The link is wrong, or older than ten minutes',
        404: 'Something that was chosen does not exist any more',
      },
    },
    async (c, { path: { secret } }) => {
      const { instance, drive } = await enterPublic(c, services)
      const { name, ids } = secretValue(await secrets.get(instance.prefix, 'archive', secret))
      return send(c, drive, {
        name: String(name),
        nodes: await nodesOf(drive, Array.isArray(ids) ? ids.map(String) : []),
      })
    },
  )

  /** Each once, in the order given. Throws 404 or 403. */
  async function chosen(visit: Visit, ids: readonly string[], paths: readonly string[]): Promise<readonly Node[]> {
    requireSome(visit, 'GET')
    const byId = await nodesOf(visit.drive, ids)
    for (const node of byId) await requireNode(visit, 'GET', node, files)
    const nodes = new Map(byId.map((node) => [node.id, node]))
    for (const path of paths) {
      const node = await nodeAtFor(visit, 'GET', path, files)
      nodes.set(node.id, node)
    }
    return [...nodes.values()]
  }

  async function nodesOf(drive: Drive, ids: readonly string[]): Promise<readonly Node[]> {
    if (ids.length === 0) return []
    const found = new Map((await files.nodes(drive, ids)).map((node) => [node.id, node]))
    return ids.map((id) => {
      const node = found.get(id)
      if (node === undefined) throw fileNotFound()
      return node
    })
  }

  async function send(c: HttpContext, drive: Drive, selection: Selection): Promise<Response> {
    const { length, bytes } = await openArchive(files, drive, selection)
    const headers: Record<string, string> = {
      'content-type': 'application/zip',
      'content-disposition': contentDisposition('attachment', `${selection.name}.zip`),
      'content-security-policy': "form-action 'none'",
      'cache-control': 'private, no-store',
    }
    if (length !== undefined) headers['content-length'] = `${length}`
    return streamBytes(c, { status: 200, headers, bytes, failed: (error) => logFailure(services.log, c, error) })
  }
}

/** Throws 400 when the body does not describe an archive. */
function attributesOf(data: Json): z.output<typeof asked> {
  const read = asked.safeParse(isObject(data) ? (data['attributes'] ?? {}) : undefined)
  if (!read.success) throw badBody()
  return read.data
}
