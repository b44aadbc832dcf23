import { z } from '@hono/zod-openapi'
import type { Fsck } from '../../src/fsck/service.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { exactlyTrue } from '../http/parameters.ts'
import { streamJson } from '../http/stream.ts'
import { enter, requireWhole } from './access.ts'
import type { FilesServices } from './services.ts'

const query = z.object({
  NoCache: exactlyTrue().describe('true: look now, instead of telling what was found at most three months ago'),
})

/** `GET /files/fsck`: files whose content is not as their document says, an array of findings. */
export function fsckRoute(
  face: Face,
  { fsck, ...services }: Pick<FilesServices, 'instances' | 'driveOf'> & { readonly fsck: Pick<Fsck, 'badContents'> },
): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/files/fsck',
      summary: 'List files and versions whose content is not as their document says',
      tag: 'files',
      needs: 'GET on all of io.cozy.files',
      query,
      answers: { 200: z.array(z.object({ type: z.literal('content_mismatch') })).describe('Findings, mostly none') },
    },
    async (c, { query: { NoCache: fresh } }) => {
      const visit = await enter(c, services)
      requireWhole(visit, 'GET')
      const { signal } = c.req.raw
      return streamJson(c, '[', separated(fsck.badContents(visit.instance.prefix, { fresh, signal })), ']')
    },
  )
}

async function* separated(lines: AsyncIterable<string>): AsyncGenerator<string, void> {
  let separator = ''
  for await (const line of lines) {
    yield separator + line
    separator = ','
  }
}
