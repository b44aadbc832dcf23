/**
 * Imports by operators: of an export on another server, or of an archive that is uploaded here. It is uploaded in pieces, so
 * that an interrupted upload can continue; the instance does not change before the import itself, which is a job.
 */
import { z } from '@hono/zod-openapi'
import { invalidParameter } from '../../src/instances/problems.ts'
import type { Instance } from '../../src/instances/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { stringifyJson } from '../../src/model/json/exact.ts'
import type { Piece } from '../../src/move/import-upload.ts'
import { jsonText } from '../http/answer.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { textParameter } from '../http/parameters.ts'
import { jsonApi, noContent } from './answer.ts'
import { objectBytes } from './object-bytes.ts'
import { readObject } from './request.ts'
import type { AdminServices } from './services.ts'

const needs = 'the admin passphrase'
const mib = 1024 ** 2
/** Pieces named in one answer. */
const mostMissing = 1_000
const mostPieces = 100_000

const bytes = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER)
const Order = z
  .object({
    parts: z.array(bytes.min(1)).min(1).max(10_000).describe('Bytes of each part, the first one first'),
    piece_size: bytes
      .min(mib)
      .max(64 * mib)
      .describe('Bytes of each piece but the last of a part'),
    size: bytes.describe('Bytes of all entries, unpacked'),
    files_size: bytes.optional().describe('Bytes of files and versions that must be in it'),
    with_doctypes: z.array(z.string().min(1)).min(1).optional().describe('It holds these only; without it: everything'),
  })
  .refine(({ parts, piece_size }) => parts.reduce((sum, one) => sum + Math.ceil(one / piece_size), 0) <= mostPieces, {
    message: `There may be ${mostPieces} pieces; make them larger`,
    path: ['piece_size'],
  })

const Shown = z.object({
  data: z.object({
    type: z.literal('io.cozy.imports'),
    id: z.string(),
    attributes: z.object({
      missing: z
        .array(z.object({ part: z.number(), piece: z.number() }))
        .describe(`Pieces that have not arrived, the first ${mostMissing} of them`),
    }),
  }),
})

export function importRoutes(
  face: Face,
  services: Pick<AdminServices, 'instances' | 'imports' | 'uploads' | 'log'>,
): void {
  const { instances, imports, uploads } = services
  const path = '/instances/{domain}/imports/{id}'
  const described = { tag: 'instances', needs } as const

  async function shown(c: Parameters<typeof jsonApi>[0], { prefix }: Instance, id: string): Promise<Response> {
    const missing = await uploads.missing(prefix, id, mostMissing)
    return jsonApi(c, 200, { data: { type: 'io.cozy.imports', id, attributes: { missing } } })
  }

  async function requireIdle(instance: Instance, id: string): Promise<void> {
    if ((await imports.jobOf(instance, id)) !== undefined) {
      throw new Problem('conflict', 'imports: the archive is being imported')
    }
  }

  endpoint(
    face,
    {
      ...described,
      method: 'POST',
      path: '/instances/{domain}/import',
      summary: 'Replace what an instance holds by what an export holds',
      query: z.object({ manifest_url: textParameter().describe('http://SOURCE/move/exports/IDENTIFIER') }),
      answers: { 204: 'It is under way; what comes of it is told by mail', 404: 'No such instance' },
    },
    async (_c, { path, query }) => {
      const instance = await instances.find(path.domain)
      await imports.order(instance, { manifestUrl: query.manifest_url ?? '' })
      return new Response(null, { status: 204 })
    },
  )

  endpoint(
    face,
    {
      ...described,
      method: 'PUT',
      path,
      summary: 'Begin to send an archive, or go on; the id is of your choice and stands for this archive',
      body: Order,
      answers: {
        200: Shown,
        404: 'No such instance',
        409: 'The id stands for another archive, or this one is being imported',
        413: 'It does not fit into the quota',
        422: 'Not what can be sent',
      },
    },
    async (c, { path }) => {
      const id = idOf(path.id)
      const instance = await instances.find(path.domain)
      const order = Order.safeParse(await readObject(c))
      if (!order.success) throw unusable(order.error)
      await requireIdle(instance, id)
      const { parts, piece_size: pieceBytes, size, files_size: filesSize, with_doctypes: doctypes } = order.data
      await uploads.begin(instance, id, { parts, pieceBytes, size, filesSize, doctypes })
      return shown(c, instance, id)
    },
  )

  endpoint(
    face,
    {
      ...described,
      method: 'GET',
      path,
      summary: 'What is missing of an archive that is being sent',
      answers: { 200: Shown, 404: 'No such instance or upload' },
    },
    async (c, { path }) => shown(c, await instances.find(path.domain), idOf(path.id)),
  )

  endpoint(
    face,
    {
      ...described,
      method: 'PUT',
      path: `${path}/parts/{part}/pieces/{piece}`,
      summary: 'Send a piece of an archive, in place of what has arrived of it',
      body: z.string().describe('The bytes'),
      bodyMedia: 'application/octet-stream',
      answers: {
        204: 'It has arrived',
        400: 'Not as many bytes as the piece has',
        404: 'No such instance, upload or piece',
        409: 'The archive is being imported',
      },
    },
    async (c, { path }) => {
      const id = idOf(path.id)
      const instance = await instances.find(path.domain)
      const piece: Piece = { part: numberOf(path.part), piece: numberOf(path.piece) }
      const length = await uploads.lengthOf(instance.prefix, id, piece)
      await requireIdle(instance, id)
      const { bytes, size, accept } = objectBytes(c)
      const wrong = () => new Problem('bad_request', `imports: this piece has ${length} bytes`)
      if (size !== undefined && size !== length) throw wrong()
      await uploads.receive(instance.prefix, id, piece, atMost(bytes, length, wrong), (received) => {
        accept(received)
        if (received.size !== length) throw wrong()
      })
      return noContent()
    },
  )

  endpoint(
    face,
    {
      ...described,
      method: 'POST',
      path,
      summary: 'Replace what an instance holds by the archive that was sent',
      answers: {
        202: z.looseObject({ _id: z.string() }).describe('The job'),
        404: 'No such instance or upload',
        409: 'Pieces are missing',
      },
    },
    async (c, { path }) => {
      const id = idOf(path.id)
      const instance = await instances.find(path.domain)
      const missing = await uploads.missing(instance.prefix, id, 1)
      if (missing.length > 0) throw new Problem('conflict', 'imports: pieces of the archive are missing')
      const job = (await imports.jobOf(instance, id)) ?? (await imports.order(instance, { upload: id }))
      return jsonText(c, 202, stringifyJson({ _id: job.id, _rev: job.rev, ...job.members }))
    },
  )

  endpoint(
    face,
    {
      ...described,
      method: 'DELETE',
      path,
      summary: 'Give up an archive that was sent',
      answers: { 204: 'It is gone', 404: 'No such instance', 409: 'It is being imported' },
    },
    async (_c, { path }) => {
      const id = idOf(path.id)
      const instance = await instances.find(path.domain)
      await requireIdle(instance, id)
      await uploads.drop(instance.prefix, id)
      return noContent()
    },
  )
}

function idOf(id: string): string {
  if (/^[A-Za-z0-9-]{16,64}$/.test(id)) return id
  throw new Problem('bad_request', 'imports: the id must have 16 to 64 letters, digits or -')
}

function numberOf(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new Problem('not_found', 'imports: there is no such piece')
}

/** Stores no more than is allowed. */
async function* atMost(chunks: AsyncIterable<Uint8Array>, limit: number, problem: () => Problem) {
  let seen = 0
  for await (const chunk of chunks) {
    seen += chunk.length
    if (seen > limit) throw problem()
    yield chunk
  }
}

function unusable({ issues: [issue] }: z.ZodError): Problem {
  const name = issue?.path.join('.') ?? ''
  return invalidParameter(name, `${name}: ${issue?.message ?? 'it is not valid'}`)
}
