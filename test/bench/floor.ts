/**
 * The bare floor: what Hono on the same HTTP server and the same PostgreSQL does with one prepared statement a request,
 * and nothing else. Run by the benchmark as a process of its own: `bun floor.ts SOCKET_FOLDER FILES_FOLDER`.
 */
import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import postgres from 'postgres'

const [, , socket = '', folder = ''] = process.argv
const sql = postgres({ host: socket, database: 'postgres', user: 'hearth', max: 8, onnotice: () => {} })
await sql`CREATE TABLE IF NOT EXISTS bench_floor (id text PRIMARY KEY, body jsonb NOT NULL)`
await sql`CREATE TABLE IF NOT EXISTS bench_posts (id text PRIMARY KEY, body jsonb NOT NULL)`
await sql`CREATE TABLE IF NOT EXISTS bench_files (id text PRIMARY KEY, size int NOT NULL)`

const json = { 'content-type': 'application/json' }
const app = new Hono()
app.get('/floor', async (c) => {
  const rows =
    await sql`SELECT id, body::text FROM bench_floor ORDER BY id LIMIT ${c.req.query('limit') ?? '1'}`.values()
  const text = rows.map(([id, body]) => `{"id":${JSON.stringify(id)},"doc":${body}}`).join(',')
  return c.body(`{"rows":[${text}]}`, 200, json)
})
app.get('/floor/:id', async (c) => {
  const [row] = await sql`SELECT body::text AS body FROM bench_floor WHERE id = ${c.req.param('id')}`
  return c.body(row?.['body'] ?? '{}', row ? 200 : 404, json)
})
app.post('/floor', async (c) => {
  const body = await c.req.text()
  const id = crypto.randomUUID()
  await sql`INSERT INTO bench_posts (id, body) VALUES (${id}, ${body}::text::jsonb)`
  return c.json({ id }, 201)
})
app.put('/file/:name', async (c) => {
  const bytes = new Uint8Array(await c.req.arrayBuffer())
  const path = join(folder, c.req.param('name'))
  const file = await open(`${path}.new`, 'wx')
  await file.write(bytes)
  await file.sync()
  await file.close()
  await rename(`${path}.new`, path)
  await sql`INSERT INTO bench_files (id, size) VALUES (${c.req.param('name')}, ${bytes.length})`
  return c.json({ ok: true }, 201)
})

// Ends with the benchmark, also when that is killed.
process.stdin.on('close', () => process.exit()).resume()
serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => console.log(`port ${port}`))
