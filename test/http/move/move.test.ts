/** Moves between two servers, as a wizard and the owner make them. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  authorizeSource,
  authorizeTarget,
  csrfIn,
  type Mailbox,
  type Owner,
  openMailbox,
  openOwner,
  openPlace,
  type Place,
  requestForm,
  requestMove,
  until,
} from './two-servers.ts'

let mailbox: Mailbox
let from: Place
let to: Place
let number = 2

beforeAll(async () => {
  mailbox = await openMailbox()
  const env = { HEARTH_MOVE_URL: 'http://wizard.example/start' }
  ;[from, to] = await Promise.all([openPlace(mailbox, env), openPlace(mailbox, env)])
}, 120_000)
afterAll(async () => {
  await Promise.all([from?.close(), to?.close()])
  mailbox?.close()
}, 60_000)

/** An owner who is logged in at the former server, and one at the next. */
async function owners(): Promise<{ source: Owner; target: Owner }> {
  const [source, target] = await Promise.all([openOwner(from, number), openOwner(to, number)])
  number++
  await source.logIn()
  return { source, target }
}

const settingsOf = async ({ ask }: Owner) =>
  (await ask('GET', '/data/io.cozy.settings/io.cozy.settings.instance')).body as Record<string, unknown>

describe('a move that a wizard leads', () => {
  test('brings everything over, closes the source for good, and tells the owner', async () => {
    const { source, target } = await owners()
    for (let n = 0; n < 120; n++) await source.ask('PUT', `/data/org.example.bills/b${n}`, { n })
    const made = await source.ask('POST', '/files/?Type=file&Name=caf%C3%A9.txt', 'content of a file')
    expect(made.status).toBe(201)
    await target.ask('PUT', '/data/org.example.former/one', { x: 1 })

    const code = await authorizeSource(source)
    const form = { ...requestForm(target, await authorizeTarget(target)), code }
    const link = await requestMove(source, form, mailbox)
    const begun = await source.browse('GET', link)
    expect([begun.status, begun.headers.get('location')]).toEqual([303, `http://${target.domain}/move/importing`])
    const page = await to.server.fetch('/move/importing', { headers: { host: target.domain, accept: 'text/html' } })
    expect(page.status).toBe(200)

    const told = await mailbox.next(target.mail, /has moved/)
    expect(told).toContain(`http://${target.domain}/`)
    expect(told).not.toContain('could not be told')
    await until('the source has moved', async () => ((await source.attributes())['moved'] ? true : undefined))
    expect(await source.attributes()).not.toHaveProperty('blocked')
    expect(await target.attributes()).not.toHaveProperty('blocked')

    const bills = (await target.ask('GET', '/data/org.example.bills/_all_docs?limit=1000')).body as { rows: unknown[] }
    expect(bills.rows.length).toBe(120)
    const file = (await target.ask('GET', '/files/metadata?Path=/caf%C3%A9.txt')).body as { data: { id: string } }
    expect((await target.ask('GET', `/files/download/${file.data.id}`)).body).toBe('content of a file')
    expect((await target.ask('GET', '/data/org.example.former/one')).status).toBe(404)

    expect(await settingsOf(source)).toMatchObject({
      moved_to: `http://${target.domain}/`,
      moved_to_subdomain_type: 'nested',
    })
    expect(await settingsOf(target)).toMatchObject({ moved_from: source.domain, email: target.mail })
    const visitor = await from.server.fetch('/', { headers: { host: source.domain, accept: 'text/html' } })
    expect([visitor.status, await visitor.text()]).toEqual([410, expect.stringContaining(target.domain)])

    expect((await target.ask('DELETE', '/settings/instance/moved_from')).status).toBe(204)
    expect(await settingsOf(target)).not.toHaveProperty('moved_from')
    // The link is spent, and what has moved does not move again.
    expect((await source.browse('GET', link)).status).toBe(400)
    expect((await source.ask('POST', '/move/imports', { data: { attributes: { url: '' } } })).status).toBe(412)
  }, 180_000)

  test('begins at the source, and leads to the vault after the first login', async () => {
    const { source, target } = await owners()
    const begun = await source.browse('POST', '/move/initialize', { headers: { origin: `http://${source.domain}` } })
    expect(begun.status).toBe(307)
    const wizard = new URL(begun.headers.get('location') ?? '')
    expect([wizard.origin, wizard.pathname]).toEqual(['http://wizard.example', '/initialize'])
    const { client_id = '', client_secret = '', code = '', ...more } = Object.fromEntries(wizard.searchParams)
    expect(more).toEqual({ cozy_url: `http://${source.domain}/`, used: '0', vault: 'false' })
    const exchanged = await source.browse('POST', '/auth/access_token', {
      form: { grant_type: 'authorization_code', code, client_id, client_secret },
      headers: { accept: 'application/json' },
    })
    const { access_token: token } = (await exchanged.json()) as { access_token: string }
    const form = { ...requestForm(target, await authorizeTarget(target)), token, client_id, client_secret }
    const link = await requestMove(source, form, mailbox)
    // The target refuses at first. The link is good still, and so is what comes of it.
    expect((await target.ask('POST', '/move/importing?source=other.example')).status).toBe(204)
    expect((await source.browse('GET', link)).status).toBe(400)
    expect((await target.ask('POST', '/move/abort')).status).toBe(204)
    expect((await source.browse('GET', link)).status).toBe(303)
    expect(await mailbox.next(target.mail, /has moved/)).not.toContain('could not be told')
    expect((await source.attributes())['moved']).toBe(true)
    expect(await settingsOf(target)).toMatchObject({ import_vault: true })
    await target.logIn()
    expect((await target.browse('GET', '/auth/login')).headers.get('location')).toBe('/move/vault')
    expect(await (await target.browse('GET', '/move/vault')).text()).toContain('passwords')
    expect(await settingsOf(target)).not.toHaveProperty('import_vault')
  }, 180_000)

  test('that the target refuses -> nothing is blocked, and the link is good still', async () => {
    const { source, target } = await owners()
    const access = await authorizeTarget(target)
    const code = await authorizeSource(source)
    const link = await requestMove(source, { ...requestForm(target, { ...access, token: 'stolen' }), code }, mailbox)
    for (let n = 0; n < 2; n++) {
      const refused = await source.browse('GET', link)
      expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('Cannot reach the other')])
    }
    for (const one of [source, target]) expect(await one.attributes()).not.toHaveProperty('blocked')
    expect(await settingsOf(source)).not.toHaveProperty('moved_to')
  }, 120_000)
})

test('a source that is gone before its archive is fetched -> the target opens again, and its owner is told', async () => {
  const target = await openOwner(to, number++)
  expect((await target.ask('POST', '/move/importing?source=gone.example')).status).toBe(204)
  const gone = 'http://127.0.0.1:1/'
  const attributes = { url: `${gone}#/exports/abc`, move_from: { url: gone, token: 't' } }
  expect((await target.ask('POST', '/move/imports', { data: { attributes } })).status).toBe(303)
  await mailbox.next(target.mail, /move of your data has failed/)
  expect(await target.attributes()).not.toHaveProperty('blocked')
}, 120_000)

test('while its archive is fetched the source stays closed for as long as that takes', async () => {
  let link = ''
  // A target that never ends.
  const target = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk) => {
      text += chunk
    })
    request.on('end', () => {
      if (request.url === '/move/imports') link = JSON.parse(text).data.attributes.url
      response.writeHead(204).end()
    })
  })
  await new Promise<void>((done) => target.listen(0, '127.0.0.1', done))
  const source = await openOwner(from, number++)
  await source.logIn()
  const target_url = `http://127.0.0.1:${(target.address() as AddressInfo).port}/`
  const form = { target_url, target_token: 't', target_client_id: 'c', target_client_secret: 's' }
  const go = await requestMove(source, { ...form, code: await authorizeSource(source) }, mailbox)
  expect((await source.browse('GET', go)).status).toBe(303)
  await until('the archive is announced', () => (link === '' ? undefined : true))
  // Nor does another export take the archive away.
  expect((await source.ask('POST', '/move/exports', { data: { attributes: {} } })).status).toBe(201)
  await until('the other export is refused', async () => {
    const { body } = await source.ask('GET', '/data/io.cozy.jobs/_all_docs?include_docs=true')
    return JSON.stringify(body).includes('the instance is being moved') ? true : undefined
  })
  const before = String((await source.attributes())['blocked_until'])
  const part = await source.browse('GET', `/move/exports/data/${link.split('#/exports/')[1]}`)
  expect(part.status).toBe(200)
  await part.arrayBuffer()
  expect(String((await source.attributes())['blocked_until']) > before).toBe(true)
  expect((await source.ask('POST', '/move/abort')).status).toBe(204)
  expect(await source.attributes()).not.toHaveProperty('blocked')
  target.close()
}, 120_000)

describe('nobody gets more by a move than its owner gives', () => {
  test('a code is good for its first target only, and opens nothing else', async () => {
    const { source, target } = await owners()
    const form = { ...requestForm(target, await authorizeTarget(target)), code: await authorizeSource(source) }
    await requestMove(source, form, mailbox)
    await requestMove(source, form, mailbox)
    const other = await source.browse('POST', '/move/request', {
      form: { ...form, target_url: 'http://thief.example/' },
    })
    expect([other.status, await other.text()]).toEqual([400, expect.stringContaining('Invalid JWT token')])
    const exchanged = await source.browse('POST', '/auth/access_token', {
      form: { grant_type: 'authorization_code', code: form.code, client_id: 'move', client_secret: '' },
    })
    expect(exchanged.status).toBe(400)
    expect(mailbox.all(source.mail).some((mail) => mail.includes('thief.example'))).toBe(false)
  }, 60_000)

  describe('a target', () => {
    let both: { source: Owner; target: Owner }
    let code = ''
    beforeAll(async () => {
      both = await owners()
      code = await authorizeSource(both.source)
    }, 60_000)

    test.each([
      ['its own address', () => `http://${both.source.domain}/`],
      ['a password in it', () => 'http://user:secret@other.example/'],
      ['a path', () => 'http://other.example/path'],
      ['another scheme', () => 'file:///etc/passwd'],
      ['a script', () => 'javascript://other.example/%0Aalert(1)'],
      ['nothing readable', () => 'http://a b/'],
    ])('with %s -> 400', async (_, address) => {
      const form = { target_url: address(), target_token: 't', target_client_id: 'c', target_client_secret: 's', code }
      const refused = await both.source.browse('POST', '/move/request', { form })
      expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('Invalid target_url')])
    })
  })

  test('who has the link but no session -> the login, and 401 for clients', async () => {
    const { source, target } = await owners()
    const form = { ...requestForm(target, await authorizeTarget(target)), code: await authorizeSource(source) }
    const link = await requestMove(source, form, mailbox)
    const headers = { host: source.domain, accept: 'text/html' }
    const stranger = await from.server.fetch(link, { headers })
    expect([stranger.status, stranger.headers.get('location')]).toEqual([
      303,
      `/auth/login?redirect=${encodeURIComponent(link)}`,
    ])
    expect((await from.server.fetch(link, { headers: { ...headers, accept: '*/*' } })).status).toBe(401)
    // The link of one instance says nothing to another.
    const neighbour = await openOwner(from, number++)
    await neighbour.logIn()
    expect((await neighbour.browse('GET', link)).status).toBe(400)
  }, 60_000)

  test('a form of another site does not begin a move', async () => {
    const source = await openOwner(from, number++)
    for (const headers of [{ origin: 'http://evil.example' }, { 'sec-fetch-site': 'cross-site' }]) {
      expect((await source.browse('POST', '/move/initialize', { headers })).status).toBe(403)
    }
  }, 60_000)

  test('finalize and import are refused where no move is under way, or another one', async () => {
    const target = await openOwner(to, number++)
    const attributes = { url: 'http://127.0.0.1/#/exports/abc', move_from: { url: 'http://127.0.0.1/', token: 't' } }
    expect((await target.ask('POST', '/move/imports', { data: { attributes } })).status).toBe(409)
    expect((await target.ask('POST', '/move/importing?source=a.example')).status).toBe(204)
    expect((await target.ask('POST', '/move/importing?source=b.example')).status).toBe(409)
    expect((await target.ask('POST', '/move/finalize')).status).toBe(409)
    expect((await target.ask('POST', '/move/importing?source=a%2Fb')).status).toBe(400)
    expect((await target.ask('POST', '/move/abort')).status).toBe(204)
    expect(await target.attributes()).not.toHaveProperty('blocked')
  }, 60_000)
})

describe('the page of exports', () => {
  test('is where the link of the mail leads: it shows the parts, which can be downloaded', async () => {
    const domain = 'page.example'
    const owner = await openOwner(from, number++, domain)
    await owner.logIn()
    const home = await (await owner.browse('GET', '/')).text()
    expect(home).toContain('href="/move/data"')
    const data = await owner.browse('GET', '/move/data')
    const page = await data.text()
    expect(page).toContain('action="/move/initialize"')
    expect(data.headers.get('content-security-policy')).toContain('http://wizard.example')
    const ordered = await owner.browse('POST', '/move/data/export', { form: { csrf_token: csrfIn(page) } })
    expect(ordered.status).toBe(200)

    const link =
      /http:\/\/settings\.\S+#\/exports\/[\w=-]+/.exec(await mailbox.next(owner.mail, /#\/exports\//))?.[0] ?? ''
    const identifier = link.split('#/exports/')[1] ?? ''
    const settings = (path: string, method = 'GET') =>
      from.server.fetch(path, { method, headers: { host: `settings.${domain}`, accept: 'text/html' } })
    const root = await settings('/')
    const script = /<script>(.*?)<\/script>/.exec(await root.text())?.[1] ?? ''
    const hash = new Bun.CryptoHasher('sha256').update(script).digest('base64')
    expect(root.headers.get('content-security-policy')).toContain(`script-src 'sha256-${hash}'`)
    const pasted = await settings(`/exports?${new URLSearchParams({ link })}`)
    expect([pasted.status, pasted.headers.get('location')]).toEqual([303, `/exports/${identifier}`])
    const shown = await (await settings(`/exports/${identifier}`)).text()
    const part = /href="http:\/\/page\.example(\/move\/exports\/data\/[\w=-]+)"/.exec(shown)?.[1] ?? ''
    const zip = await from.server.fetch(part, { headers: { host: domain } })
    expect([zip.status, zip.headers.get('content-type')]).toEqual([200, 'application/zip'])
    await zip.arrayBuffer()
    const own = await owner.browse('GET', `/move/data/exports/${identifier}`)
    expect(await own.text()).toContain('/move/exports/data/')

    expect((await settings('/', 'POST')).status).toBe(405)
    expect((await settings('/exports/%')).status).toBe(404)
    expect((await settings('/exports/bm90aGluZw==')).status).toBe(401)
    expect((await settings('/exports?link=http://evil.example/')).status).toBe(404)
    expect((await settings('/data/io.cozy.files/')).status).toBe(404)
  }, 120_000)

  test('asks for the passphrase before everything is replaced', async () => {
    const owner = await openOwner(from, number++)
    await owner.logIn()
    const csrf_token = csrfIn(await (await owner.browse('GET', '/move/data')).text())
    const form = { csrf_token, link: 'http://127.0.0.1:1/#/exports/abc', password: 'wrong' }
    expect((await owner.browse('POST', '/move/data/import', { form })).status).toBe(401)
    const right = await owner.browse('POST', '/move/data/import', { form: { ...form, password: 'correct horse' } })
    expect(right.status).toBe(412)
    const forged = await owner.browse('POST', '/move/data/import', { form: { ...form, csrf_token: 'forged' } })
    expect(forged.status).toBe(403)
    expect(await owner.attributes()).not.toHaveProperty('blocked')
  }, 120_000)
})
