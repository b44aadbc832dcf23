import { expect, test } from 'bun:test'
import { newMetrics } from './metrics.ts'
import { addEnded, type Counts } from './metrics-sum.ts'

/** Counts as they come from another process: as JSON. */
async function counted(process: string, requests: number, sockets: number): Promise<Counts> {
  const metrics = newMetrics('t')
  for (let n = 0; n < requests; n += 1) metrics.request('public', 'GET', '/x', 200, 0.002)
  metrics.observe('sockets', 'gauge', 'Sockets.', () => sockets)
  metrics.observeEach('connections', 'Connections.', 'state', async () => ({ idle: 7 }))
  metrics.observe('peak', 'gauge', 'Peak.', () => sockets * 10, 'max')
  metrics.observe('process_resident_bytes', 'gauge', 'Memory.', () => requests * 100)
  return { process, metrics: JSON.parse(JSON.stringify(await metrics.counts())) }
}

test('several processes: what they count is added, what belongs to the server is not, and each is shown', async () => {
  const others = [await counted('1', 3, 2), await counted('2', 4, 5)]
  const metrics = newMetrics('t', { counts: async () => others })
  metrics.request('public', 'GET', '/x', 200, 0.002)
  const text = await metrics.text()
  expect(text).toContain('t_http_requests_total{listener="public",method="GET",route="/x",status="200"} 8\n')
  expect(text).toContain(
    't_http_request_duration_seconds_bucket{le="0.0025",listener="public",method="GET",route="/x"} 8\n',
  )
  expect(text).toContain('t_http_request_duration_seconds_count{listener="public",method="GET",route="/x"} 8\n')
  expect(text).toContain('\nt_sockets 7\n')
  expect(text).toContain('\nt_peak 50\n')
  expect(text).toContain('\nt_connections{state="idle"} 7\n')
  expect(text).toContain('t_process_requests_total{process="owner"} 1\n')
  expect(text).toContain('t_process_requests_total{process="2"} 4\n')
  expect(text).toContain('t_process_memory_bytes{process="1"} 300\n')
})

test('processes that ended: what only grows stays, the rest goes', async () => {
  const first = await addEnded([], (await counted('1', 3, 2)).metrics)
  const both = await addEnded(first, (await counted('2', 4, 5)).metrics)
  const text = await newMetrics('t', { counts: async () => [{ process: 'ended', metrics: both }] }).text()
  expect(text).toContain('t_http_requests_total{listener="public",method="GET",route="/x",status="200"} 7\n')
  expect(text).toContain('t_process_requests_total{process="ended"} 7\n')
  expect(text).not.toContain('t_sockets')
})

test('one process: its own text, without names of processes', async () => {
  expect(await newMetrics('t').text()).not.toContain('process=')
})
