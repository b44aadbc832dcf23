/** `GET /tools/pprof/heap`: what is on the heap, for `go tool pprof` and other readers of that format. */

import { heapProfile } from '../../src/admin/heap-profile.ts'
import { Problem } from '../../src/model/errors.ts'
import { endpoint, type Face } from '../http/endpoint.ts'

export function profileRoute(face: Face): void {
  let isRunning = false
  endpoint(
    face,
    {
      method: 'GET',
      path: '/tools/pprof/heap',
      summary: 'What is on the heap, by type, as a gzipped pprof profile; the server stands still while it is made',
      tag: 'operation',
      needs: 'the admin passphrase',
      answers: { 200: 'The profile', 429: 'Another one is being made', 501: 'This runtime cannot tell' },
    },
    async () => {
      if (isRunning) throw new Problem('too_many_requests', 'A profile is being made: try again later.')
      isRunning = true
      try {
        const body = await heapProfile()
        if (body === undefined) throw new Problem('not_implemented', 'This runtime cannot tell what is on its heap.')
        const headers = {
          'content-type': 'application/octet-stream',
          'content-disposition': 'attachment; filename="heap.pprof"',
          'cache-control': 'no-store',
        }
        return new Response(body, { headers })
      } finally {
        isRunning = false
      }
    },
  )
}
