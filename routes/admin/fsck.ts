import { z } from '@hono/zod-openapi'
import { type Finding, failureLine, lineOf } from '../../src/fsck/finding.ts'
import type { Log } from '../../src/log.ts'
import { isNoDatabase } from '../../src/model/no-database.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { streamLive } from '../http/stream.ts'
import { lenientBooleanOf } from './request.ts'
import type { AdminServices } from './services.ts'

const query = z.object({
  IndexIntegrity: lenientBooleanOf('true: only whether the documents are consistent among themselves'),
  FilesConsistency: lenientBooleanOf('true: only whether documents and stored content agree'),
  FailFast: lenientBooleanOf('true: end with the first finding'),
  Hash: lenientBooleanOf(
    'true: read every byte of every file, to find damage on the disk. Without it the size on disk and the md5 noted by the object store are compared. An addition of Hearth',
  ),
})

/** `GET /instances/DOMAIN/fsck`: one line of JSON for each finding, sent as soon as it is found. */
export function fsckRoute(
  face: Face,
  { instances, fsck, log }: Pick<AdminServices, 'instances' | 'fsck' | 'log'>,
): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/instances/{domain}/fsck',
      summary: 'Check the files of an instance',
      tag: 'instances',
      needs: 'the admin passphrase',
      query,
      answers: {
        200: 'Lines of JSON (application/x-ndjson), none when all is well; a failure on the way is a last line `{"error": ...}`',
        404: 'No such instance',
        422: 'Not a domain',
      },
    },
    async (c, { path, query: asked }) => {
      const { prefix } = await instances.find(path.domain)
      const client = new AbortController()
      const findings = fsck.check(prefix, {
        index: asked.IndexIntegrity === true || asked.FilesConsistency !== true,
        storage: asked.IndexIntegrity !== true,
        failFast: asked.FailFast === true,
        hash: asked.Hash === true,
        signal: client.signal,
      })
      return streamLive(c, {
        head: '',
        texts: lines(findings, client.signal, log),
        tail: () => '',
        left: () => client.abort(),
        headers: { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' },
      })
    },
  )
}

/** The answer has begun, so a failure can only be reported in it. */
async function* lines(findings: AsyncIterable<Finding>, client: AbortSignal, log: Log): AsyncGenerator<string, void> {
  try {
    for await (const finding of findings) yield `${lineOf(finding)}\n`
  } catch (error) {
    if (client.aborted) return
    if (!isNoDatabase(error)) log.error('check of files failed', { error })
    yield `${failureLine(error)}\n`
  }
}
