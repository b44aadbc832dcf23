import { describe, expect, test } from 'bun:test'
import type { Log, LogDetail } from '../src/log.ts'
import { silentLog } from '../src/log.ts'
import { newMetrics } from '../src/metrics.ts'
import { metricsRoutes } from './admin/metrics.ts'
import { healthRoutes } from './health.ts'
import { newFace } from './http/endpoint.ts'
import { newRouter } from './http/router.ts'
import { logFailure, observe } from './observe.ts'

function setUp({ everything = false, ready = async (): Promise<string | undefined> => undefined } = {}) {
  const lines: [string, string, LogDetail | undefined][] = []
  const write = (level: string) => (event: string, detail?: LogDetail) => void lines.push([level, event, detail])
  const log: Log = { ...silentLog, debug: write('debug'), warning: write('warning'), error: write('error') }
  const metrics = newMetrics('hearth')
  const app = newRouter()
  app.use(observe({ listener: 'public', metrics, log, everything }))
  healthRoutes(app, ready)
  const face = newFace({ log, errorBody: ({ reason }) => ({ reason }) })
  metricsRoutes(face, { metrics })
  app.route('/', face.router)
  app.get('/things/:id', (c) => c.text(c.req.param('id')))
  app.get('/broken', () => {
    throw new Error('inside')
  })
  app.onError((error, c) => {
    logFailure(log, c, error)
    return c.text('broken', 500)
  })
  return { app, lines, metrics }
}

describe('health', () => {
  test('healthz answers whatever the store does, readyz says why not', async () => {
    const { app } = setUp({ ready: async () => 'The database is busy.' })
    const alive = await app.request('/healthz')
    expect([alive.status, await alive.json()]).toEqual([200, { status: 'ok' }])
    const ready = await app.request('/readyz')
    expect(ready.status).toBe(503)
    expect(await ready.json()).toEqual({ status: 'unavailable', reason: 'The database is busy.' })
  })

  test('readyz is 200 when the store answers', async () => {
    expect((await setUp().app.request('/readyz')).status).toBe(200)
  })
})

describe('metrics', () => {
  test('count requests by pattern, method and status', async () => {
    const { app, metrics } = setUp()
    for (const path of ['/things/a', '/things/b', '/nothing', '/broken']) await app.request(path)
    metrics.request('public', 'BREW', '/*', 404, 0.1)
    const answer = await app.request('/metrics')
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    const text = await answer.text()
    expect(text).toContain(
      'hearth_http_requests_total{listener="public",method="GET",route="/things/:id",status="200"} 2\n',
    )
    expect(text).toContain('route="/broken",status="500"} 1\n')
    expect(text).toContain('method="other",route="/*",status="404"} 1\n')
    expect(text).not.toContain('/things/a')
    for (const line of text.trimEnd().split('\n'))
      expect(line).toMatch(/^($|# (HELP|TYPE) |hearth_[a-z_]+(\{.*\})? [\d.e+-]+$)/)
  })
})

describe('log', () => {
  test('is silent about requests that went well', async () => {
    const { app, lines } = setUp()
    await app.request('/things/a')
    await app.request('/nothing')
    expect(lines).toEqual([])
  })

  test('says why a request failed, and all its lines carry one id', async () => {
    const { app, lines } = setUp()
    await app.request('/broken?bearer_token=abc', { headers: { 'x-request-id': 'from-proxy.1' } })
    expect(lines.map(([level, event, detail]) => [level, event, detail?.['request'], detail?.['route']])).toEqual([
      ['error', 'request failed', 'from-proxy.1', '/broken'],
      ['warning', 'request answered with a failure', 'from-proxy.1', '/broken'],
    ])
    expect(JSON.stringify(lines)).not.toContain('abc')
  })

  test('an id from outside that is no plain word is replaced', async () => {
    const { app, lines } = setUp()
    await app.request('/broken', { headers: { 'x-request-id': 'a b"c' } })
    expect(lines[0]?.[2]?.['request']).toMatch(/^[\w-]+$/)
  })

  test('has every request when asked for everything', async () => {
    const { app, lines } = setUp({ everything: true })
    await app.request('/things/a')
    expect(lines).toHaveLength(1)
    expect(lines[0]?.[2]).toMatchObject({ method: 'GET', route: '/things/:id', status: 200, listener: 'public' })
  })
})
