/** Every path of the API, the part of it that it belongs to, and what may be done with it. */
import type { Endpoint } from '../../src/appliance/appliance.ts'

export const prefix = '/api/v1/admin'

export interface PathFacts {
  readonly endpoint: Endpoint
  readonly methods: readonly string[]
}

const table = {
  '/setup': ['setup', 'POST'],
  '/update': ['update', 'GET', 'POST'],
  '/update/log': ['update', 'GET'],
  '/logs': ['logs', 'GET'],
  '/debug': ['debug', 'GET'],
  '/reboot': ['reboot', 'GET'],
  '/services': ['services', 'GET'],
  '/version': ['version', 'GET'],
  '/changelog': ['changelog', 'GET'],
  '/build': ['build', 'GET'],
  '/health': ['health', 'GET'],
  '/endpoints': ['endpoints', 'GET'],
  '/settings': ['settings', 'GET', 'POST'],
  '/certs': ['certs', 'GET', 'POST'],
  '/license': ['license', 'GET', 'POST'],
  '/storage': ['storage', 'GET', 'POST'],
  '/backup': ['backup', 'GET', 'POST'],
  '/backup/download': ['backup', 'GET'],
  '/backup/log': ['backup', 'GET'],
  '/backup/restore': ['backup', 'POST'],
  '/metrics': ['metrics', 'GET'],
} as const satisfies Readonly<Record<string, readonly [Endpoint, ...string[]]>>

export type RoutePath = `${typeof prefix}${keyof typeof table}`

/** The facts by full path. */
export const paths: ReadonlyMap<string, PathFacts> = new Map(
  Object.entries(table).map(([path, [endpoint, ...methods]]) => [prefix + path, { endpoint, methods }]),
)
