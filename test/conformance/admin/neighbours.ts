/** What the recorded server talked to: a registry, an identity provider, an account manager, and a mail server. */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { createTarPacker } from 'modern-tar'
import { SMTPServer } from 'smtp-server'

export interface Call {
  readonly m: string
  readonly p: string
  readonly ct: string
  readonly b: string
}

export interface Mail {
  readonly to: readonly string[]
  readonly headers: ReadonlyMap<string, string>
  /** By media type, decoded. */
  readonly parts: Readonly<Record<string, string>>
}

export interface Neighbours {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string
  /** A second registry. */
  readonly secondUrl: string
  readonly smtpPort: number
  readonly calls: readonly Call[]
  readonly mails: Mail[]
  /** Answers of its own for a path. */
  route(path: string, answer: { readonly status: number; readonly type: string; readonly body: Uint8Array }): void
  close(): Promise<void>
}

type Answer = readonly [status: number, type: string, body: string | Uint8Array]
const json = 'application/json'

export async function openNeighbours(): Promise<Neighbours> {
  const calls: Call[] = []
  const mails: Mail[] = []
  const routes = new Map<string, Answer>()
  const archives = new Map<string, Uint8Array>()
  let url = ''
  const serve = (prefix: string) => async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const [method = 'GET', target = '/'] = [request.method, request.url]
    const body = Buffer.concat(chunks).toString('utf8')
    calls.push({ m: method, p: target, ct: request.headers['content-type'] ?? '', b: body })
    const path = prefix + (target.split('?')[0] ?? '')
    const [status, type, content] = routes.get(path) ?? (await answerOf(path, request, url, archives))
    response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(content) })
    response.end(method === 'HEAD' ? undefined : content)
  }
  const [first, second] = [createServer(serve('')), createServer(serve('/second'))]
  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onData(stream, { envelope }, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        mails.push(
          readMail(
            envelope.rcptTo.map(({ address }) => address),
            Buffer.concat(chunks).toString('latin1'),
          ),
        )
        done()
      })
    },
  })
  smtp.on('error', () => {})
  await Promise.all([listen(first), listen(second), new Promise<void>((done) => smtp.listen(0, '127.0.0.1', done))])
  url = `http://127.0.0.1:${portOf(first)}`
  return {
    url,
    secondUrl: `http://127.0.0.1:${portOf(second)}`,
    smtpPort: portOf(smtp.server),
    calls,
    mails,
    route: (path, { status, type, body }) => routes.set(path, [status, type, body]),
    async close() {
      for (const server of [first, second]) {
        server.closeAllConnections()
        server.close()
      }
      await new Promise<void>((done) => smtp.close(() => done()))
    },
  }
}

async function answerOf(
  path: string,
  request: IncomingMessage,
  url: string,
  archives: Map<string, Uint8Array>,
): Promise<Answer> {
  const slug = /^(?:\/second)?\/registry\/([a-z0-9-]+)\/(?:stable\/latest|1\.2\.3)$/.exec(path)?.[1]
  if (slug !== undefined && /^(rrapp|rrkonn|home|store|settings)/.test(slug)) {
    const kind = slug.startsWith('rrkonn') ? 'konnector' : 'webapp'
    const archive = archives.get(slug) ?? (await archiveOf(slug, kind))
    archives.set(slug, archive)
    const version = {
      slug,
      type: kind,
      version: '1.2.3',
      url: `${url}/tar/${slug}`,
      sha256: createHash('sha256').update(archive).digest('hex'),
      created_at: '2026-01-01T00:00:00Z',
      size: `${archive.length}`,
      manifest: manifestOf(slug, kind),
      tar_prefix: '',
    }
    return [200, json, JSON.stringify(version)]
  }
  const archive = archives.get(/^\/tar\/([a-z0-9-]+)$/.exec(path)?.[1] ?? '')
  if (archive !== undefined) return [200, 'application/gzip', archive]
  if (path === '/registry/maintenance') return [200, json, JSON.stringify([maintenance('rrbank', false, true)])]
  if (path === '/second/registry/maintenance') {
    return [200, json, JSON.stringify([maintenance('rrbank', true, false), maintenance('rrsecond', true, false)])]
  }
  if (path === '/registry/slugs') return [200, json, '["rrbank"]']
  if (path === '/second/registry/slugs') return [200, json, '["rrbank","rrsecond"]']
  if (path === '/oidc/userinfo' || path === '/oidc/fc-userinfo') return userInfo(request)
  if (path.startsWith('/api/v1/instances')) return [200, json, '{}']
  if (path.startsWith('/wizard') || path === '/initialize' || path.startsWith('/callback')) {
    return [200, 'text/html', '<html>wizard</html>']
  }
  return [404, json, '{"error":"Not Found"}']
}

function userInfo({ headers }: IncomingMessage): Answer {
  const answers: Readonly<Record<string, Answer>> = {
    good: [
      200,
      json,
      '{"sub":"rr-sub-1","email":"rr@example.org","cozy_number":"0042","extra":{"nested":[1,true,null]}}',
    ],
    nosub: [200, json, '{"email":"rr@example.org","cozy_number":"0042"}'],
    nofield: [200, json, '{"sub":"rr-sub-1"}'],
    numfield: [200, json, '{"sub":"rr-sub-1","cozy_number":42}'],
    notjson: [200, 'text/html', '<html>'],
  }
  return answers[(headers.authorization ?? '').replace('Bearer ', '')] ?? [401, json, '{"error":"invalid_token"}']
}

function maintenance(slug: string, infra: boolean, short: boolean): object {
  const first = slug === 'rrbank' && !infra
  return {
    slug,
    type: 'konnector',
    maintenance_activated: true,
    maintenance_options: {
      flag_infra_maintenance: infra,
      flag_short_maintenance: short,
      flag_disallow_manual_exec: first,
      ...(first ? { messages: { en: { long_message: 'long', short_message: 'short' } } } : {}),
    },
    ...(first ? { editor: 'rr' } : {}),
  }
}

function manifestOf(slug: string, kind: string): object {
  return {
    name: slug.charAt(0).toUpperCase() + slug.slice(1),
    slug,
    type: kind,
    version: '1.2.3',
    source: `registry://${slug}/stable`,
    permissions: {},
    editor: 'rr',
    developer: { name: 'rr' },
    licence: 'MIT',
    locales: { en: {} },
    ...(kind === 'webapp'
      ? { routes: { '/': { folder: '/', index: 'index.html', public: false } } }
      : { language: 'node' }),
  }
}

async function archiveOf(slug: string, kind: string): Promise<Uint8Array> {
  const { readable, controller } = createTarPacker()
  const files: Readonly<Record<string, string>> = {
    [`manifest.${kind}`]: JSON.stringify(manifestOf(slug, kind)),
    'index.html': '<html>hi</html>',
    'konnector.js': 'process.exit(0)',
  }
  const packed = new Response(readable).arrayBuffer()
  for (const [name, content] of Object.entries(files)) {
    const bytes = Buffer.from(content)
    const entry = controller.add({ name, size: bytes.length, mtime: new Date(0) }).getWriter()
    await entry.write(bytes)
    await entry.close()
  }
  controller.finalize()
  return gzipSync(Buffer.from(await packed))
}

function readMail(to: readonly string[], source: string): Mail {
  const { headers, body } = split(source)
  const parts: Record<string, string> = {}
  collect(headers, body, parts)
  return { to, headers, parts }
}

function collect(headers: ReadonlyMap<string, string>, body: string, parts: Record<string, string>): void {
  const type = headers.get('content-type') ?? 'text/plain'
  const boundary = /boundary="?([^";]+)"?/i.exec(type)?.[1]
  if (boundary !== undefined) {
    for (const part of body.split(`--${boundary}`).slice(1, -1)) {
      const inner = split(part.replace(/^\r\n/, ''))
      collect(inner.headers, inner.body.replace(/\r\n$/, ''), parts)
    }
    return
  }
  const encoding = (headers.get('content-transfer-encoding') ?? '').toLowerCase()
  const bytes =
    encoding === 'base64'
      ? Buffer.from(body, 'base64')
      : Buffer.from(encoding === 'quoted-printable' ? unquoted(body) : body, 'latin1')
  parts[type.split(';')[0]?.trim() ?? ''] = bytes.toString('utf8')
}

function split(source: string): { headers: Map<string, string>; body: string } {
  const end = source.indexOf('\r\n\r\n')
  const headers = new Map<string, string>()
  for (const line of source
    .slice(0, end)
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n')) {
    const colon = line.indexOf(':')
    headers.set(line.slice(0, colon).toLowerCase(), decodeWords(line.slice(colon + 1).trim()))
  }
  return { headers, body: source.slice(end + 4) }
}

function unquoted(text: string): string {
  return text
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
}

/** RFC 2047. */
function decodeWords(text: string): string {
  return text
    .replace(/\?=\s+=\?/g, '?==?')
    .replace(/=\?utf-8\?([bq])\?([^?]*)\?=/gi, (_, kind: string, word: string) => {
      const isBase64 = kind.toLowerCase() === 'b'
      const bytes = isBase64 ? Buffer.from(word, 'base64') : Buffer.from(unquoted(word.replaceAll('_', ' ')), 'latin1')
      return bytes.toString('utf8')
    })
}

function listen(server: Server): Promise<void> {
  return new Promise((done) => server.listen(0, '127.0.0.1', done))
}

function portOf(server: { address(): unknown }): number {
  return (server.address() as AddressInfo).port
}
