/**
 * The bare floor: what Hono on the same HTTP server and the same PostgreSQL does with one prepared statement a request,
 * and nothing else. Run by the benchmark as a process of its own: `bun floor.ts SOCKET_FOLDER`.
 */
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import postgres from 'postgres'

const sql = postgres({ host: process.argv[2] ?? '', database: 'postgres', user: 'hearth', max: 8, onnotice: () => {} })
await sql`CREATE TABLE IF NOT EXISTS bench_floor (id text PRIMARY KEY, body jsonb NOT NULL)`

const app = new Hono()
app.get('/floor/:id', async (c) => {
  const [row] = await sql`SELECT body::text AS body FROM bench_floor WHERE id = ${c.req.param('id')}`
  return c.body(row?.['body'] ?? '{}', row ? 200 : 404, { 'content-type': 'application/json' })
})
app.post('/floor', async (c) => {
  const body = await c.req.text()
  const id = crypto.randomUUID()
  await sql`INSERT INTO bench_floor (id, body) VALUES (${id}, ${body}::text::jsonb)`
  return c.json({ id }, 201)
})
app.put('/floor/:id', async (c) => {
  const body = await c.req.text()
  await sql`INSERT INTO bench_floor (id, body) VALUES (${c.req.param('id')}, ${body}::text::jsonb)`
  return c.json({ ok: true }, 201)
})

// Ends with the benchmark, also when that is killed.
process.stdin.on('close', () => process.exit()).resume()
serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => console.log(`port ${port}`))
