/** `GET /status` of the public listener, as tools that watch cozy-stack read it; with `/version` and `/connection_check`. */
import { z } from '@hono/zod-openapi'
import type { Log } from '../src/log.ts'
import { remembered } from '../src/readiness.ts'
import { json } from './admin/answer.ts'
import { versionRoutes } from './admin/version.ts'
import { endpoint, type Face, newFace } from './http/endpoint.ts'

export interface StatusServices {
  readonly log: Log
  /** Each rejects when its part does not answer. */
  readonly parts: Readonly<Record<'cache' | 'couchdb' | 'fs', () => Promise<unknown>>>
}

const answerMs = 5_000
const names = ['cache', 'couchdb', 'fs'] as const

const answer = z.object({
  cache: z.string(),
  couchdb: z.string(),
  fs: z.string(),
  status: z.enum(['OK', 'KO']),
  message: z.enum(['OK', 'KO']),
  latency: z.object({ cache: z.string(), couchdb: z.string(), fs: z.string() }),
})

export function statusRoutes({ log, parts }: StatusServices): Face {
  const face = newFace({ log, errorBody: ({ code, reason }) => ({ error: code, reason }) })
  // Nobody is asked who they are, and a look costs a query and a file.
  const lookAtAll = remembered(() => Promise.all(names.map((name) => look(parts[name]))))
  versionRoutes(face)
  endpoint(
    face,
    {
      method: 'GET',
      path: '/status',
      summary: 'Whether every part of the server answers',
      tag: 'operation',
      answers: { 200: answer, 502: answer.describe('A part does not answer') },
    },
    async () => {
      const looked = await lookAtAll()
      const state = Object.fromEntries(names.map((name, at) => [name, looked[at]?.state ?? '']))
      const latency = Object.fromEntries(names.map((name, at) => [name, looked[at]?.latency ?? '']))
      const isWell = looked.every((part) => part.state === 'healthy')
      const word = isWell ? 'OK' : 'KO'
      return json(isWell ? 200 : 502, { ...state, status: word, message: word, latency })
    },
  )
  return face
}

async function look(part: () => Promise<unknown>): Promise<{ readonly state: string; readonly latency: string }> {
  const started = performance.now()
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('does not answer in time'), answerMs)
  })
  const state = await Promise.race([
    part().then(
      () => 'healthy',
      () => 'does not answer',
    ),
    late,
  ])
  clearTimeout(timer)
  return { state, latency: `${(performance.now() - started).toFixed(3)}ms` }
}
