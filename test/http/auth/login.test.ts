import { beforeAll, describe, expect, test } from 'bun:test'
import { pbkdf2Sync } from 'node:crypto'
import { sharedServer, type TestServer } from '../../support/server.ts'
import { type Browser, hiddenFields, openBrowser } from './browser.ts'

const domain = 'person.login.test'
const passphrase = 'correct horse battery'
let server: TestServer

const admin = (method: string, path: string, body?: unknown) =>
  server.fetch(`${server.adminUrl}${path}`, {
    method,
    headers: { authorization: `Basic ${btoa(`admin:${server.passphrase}`)}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })

const create = (name: string, more: Record<string, string> = {}) =>
  admin('POST', `/instances?${new URLSearchParams({ Domain: name, Passphrase: passphrase, ...more })}`)

async function logIn(browser: Browser, more: Record<string, string> = {}) {
  return browser.submit('/auth/login', { password: passphrase, ...more })
}

let session: Promise<string> | undefined
/** A session for tests that only need some. */
function anySession(): Promise<string> {
  session ??= (async () => {
    const browser = openBrowser(server, domain)
    await logIn(browser)
    return browser.cookies.get('hearth-session') ?? ''
  })()
  return session
}

beforeAll(async () => {
  server = await sharedServer()
  expect((await create(domain, { Email: 'a@b.test', PublicName: 'Ada <b>' })).status).toBe(201)
})

describe('the form', () => {
  test('a right passphrase opens a session, which the home page knows and logging out ends', async () => {
    const browser = openBrowser(server, domain)
    const first = await browser.get('/')
    expect([first.status, first.text.includes('href="/auth/login"')]).toEqual([200, true])
    const entered = await logIn(browser)
    expect([entered.status, entered.location]).toEqual([303, '/'])
    const set = entered.headers.getSetCookie().find((line) => line.startsWith('hearth-session='))
    expect(set).toMatch(/; Path=\/; HttpOnly; SameSite=Lax; Max-Age=2592000$/)
    const home = await browser.get('/')
    expect(home.status).toBe(200)
    expect(home.text).toContain('Ada &lt;b&gt;')
    expect(home.text).not.toContain('<b>')
    const again = await browser.get('/auth/login?redirect=/files/x')
    expect([again.status, again.location]).toEqual([303, '/files/x'])
    const kept = browser.cookies.get('hearth-session') ?? ''
    const left = await browser.post('/auth/logout', hiddenFields(home.text))
    expect([left.status, left.location]).toEqual([303, '/auth/login'])
    expect(browser.cookies.has('hearth-session')).toBe(false)
    browser.cookies.set('hearth-session', kept)
    expect((await browser.get('/')).text).toContain('href="/auth/login"')
  })

  test('a wrong passphrase shows the form again, as 401', async () => {
    const browser = openBrowser(server, domain)
    const answer = await browser.submit('/auth/login', { password: 'wrong' })
    expect(answer.status).toBe(401)
    expect(answer.text).toContain('role="alert"')
    expect(browser.cookies.has('hearth-session')).toBe(false)
  })

  test('a client that hashes by itself and reads JSON is told where to go', async () => {
    const browser = openBrowser(server, domain)
    const { text } = await browser.get('/auth/login')
    const iterations = Number(/data-iterations="(\d+)"/.exec(text)?.[1])
    const master = pbkdf2Sync(passphrase, `me@${domain}`, iterations, 32, 'sha256')
    const hashed = pbkdf2Sync(master, passphrase, 1, 32, 'sha256').toString('base64')
    const json = { accept: 'application/json' }
    const wrong = await browser.post('/auth/login', { ...hiddenFields(text), passphrase }, json)
    expect([wrong.status, JSON.parse(wrong.text).error]).toEqual([401, expect.any(String)])
    const right = await browser.post('/auth/login', { ...hiddenFields(text), passphrase: hashed }, json)
    expect([right.status, JSON.parse(right.text)]).toEqual([200, { redirect: `http://${domain}/` }])
    expect(browser.cookies.has('hearth-session')).toBe(true)
  })

  test('speaks French where the browser or the instance does', async () => {
    const browser = openBrowser(server, domain)
    expect((await browser.get('/auth/login', { 'accept-language': 'fr-FR,en;q=0.5' })).text).toContain(
      '<html lang="fr">',
    )
    expect((await browser.get('/auth/login')).text).toContain('<html lang="en">')
    expect((await create('fr.login.test', { Locale: 'fr' })).status).toBe(201)
    expect((await openBrowser(server, 'fr.login.test').get('/auth/login')).text).toContain('Se connecter')
  })

  test('no page runs anything, loads anything or may be framed', async () => {
    const { headers } = await openBrowser(server, domain).get('/auth/login')
    expect(headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'; frame-ancestors 'none'/,
    )
    expect(headers.get('x-frame-options')).toBe('DENY')
    expect(headers.get('cache-control')).toBe('no-store')
  })
})

describe('attacks', () => {
  test.each([
    ['https://evil.test/', '/'],
    ['//evil.test/', '/'],
    ['/\\evil.test/', '/'],
    ['/%0d%0aset-cookie:x', '/%0d%0aset-cookie:x'],
    ['/\r\nset-cookie: x=y', '/'],
    ['javascript:alert(1)', '/'],
    [`http://${domain}@evil.test/`, '/'],
    [`http://${domain}/files?a=b`, '/files?a=b'],
    ['/move/x', '/move/x'],
  ])('redirect=%j leads to %s', async (redirect, expected) => {
    const browser = openBrowser(server, domain)
    browser.cookies.set('hearth-session', await anySession())
    const answer = await browser.get(`/auth/login?redirect=${encodeURIComponent(redirect)}`)
    expect([answer.status, answer.location]).toEqual([303, expected])
  })

  test('a form without its token, with another browser’s or from another site is refused', async () => {
    const browser = openBrowser(server, domain)
    const mine = hiddenFields((await browser.get('/auth/login')).text)
    const theirs = hiddenFields((await openBrowser(server, domain).get('/auth/login')).text)
    expect((await browser.post('/auth/login', { password: passphrase })).status).toBe(403)
    expect((await browser.post('/auth/login', { password: passphrase, ...theirs })).status).toBe(403)
    expect(
      (await browser.post('/auth/login', { ...mine, password: passphrase }, { origin: 'https://evil.test' })).status,
    ).toBe(403)
    expect((await browser.post('/auth/login', { ...mine, password: passphrase }, { origin: 'null' })).status).toBe(403)
    const noOrigin = { origin: `http://${domain}`, 'sec-fetch-site': 'same-origin' }
    expect((await browser.post('/auth/login', { ...mine, password: passphrase }, noOrigin)).status).toBe(303)
  })

  test('the cookie changes at every login, and one that an attacker planted is not taken over', async () => {
    const browser = openBrowser(server, domain)
    browser.cookies.set('hearth-session', `${'a'.repeat(32)}.${'b'.repeat(43)}`)
    await logIn(browser)
    const first = browser.cookies.get('hearth-session') ?? ''
    expect(first).not.toContain('aaaaaaa')
    const { text } = await browser.get('/')
    expect(text).toContain(domain)
    const fields = hiddenFields(text)
    await browser.post('/auth/login', { ...fields, password: passphrase })
    const second = browser.cookies.get('hearth-session') ?? ''
    expect(second).not.toBe(first)
    browser.cookies.set('hearth-session', first)
    expect((await browser.get('/')).text).toContain('href="/auth/login"')
  })

  test('a session opens no other instance, and its id without the signature none', async () => {
    await create('other.login.test')
    const browser = openBrowser(server, domain)
    const cookie = await anySession()
    const other = openBrowser(server, 'other.login.test')
    other.cookies.set('hearth-session', cookie)
    expect((await other.get('/')).text).toContain('href="/auth/login"')
    browser.cookies.set('hearth-session', `${cookie.split('.')[0]}.${'A'.repeat(43)}`)
    expect((await browser.get('/')).text).toContain('href="/auth/login"')
  })

  test('a cookie opens no data', async () => {
    const browser = openBrowser(server, domain)
    browser.cookies.set('hearth-session', await anySession())
    expect((await browser.get('/data/io.cozy.settings/io.cozy.settings.instance')).status).toBe(401)
    expect((await browser.get('/files/io.cozy.files.root-dir')).status).toBe(401)
  })

  test('guessing has to wait after ten tries, also with the right passphrase', async () => {
    await create('guessed.login.test')
    const browser = openBrowser(server, 'guessed.login.test')
    const fields = hiddenFields((await browser.get('/auth/login')).text)
    const guess = (hashed: string) => browser.post('/auth/login', { ...fields, passphrase: hashed })
    const statuses = await Promise.all(Array.from({ length: 14 }, (_, n) => guess(`guess${n}`)))
    expect(statuses.map(({ status }) => status).sort()).toEqual([...Array(10).fill(401), ...Array(4).fill(429)])
    const right = await logIn(browser)
    expect(right.status).toBe(429)
    expect(Number(right.headers.get('retry-after'))).toBeGreaterThan(0)
  })

  test('other sites may not read what a cookie opens', async () => {
    const browser = openBrowser(server, domain)
    const { headers } = await browser.get('/auth/login', { origin: 'https://evil.test' })
    expect(headers.get('access-control-allow-origin')).toBeNull()
    const data = await browser.get('/data/', { origin: 'https://evil.test' })
    expect(data.headers.get('access-control-allow-origin')).toBe('https://evil.test')
  })
})

describe('the first passphrase', () => {
  test('is chosen with the registration token, once', async () => {
    const made = await admin('POST', '/instances?Domain=new.login.test')
    const token = Buffer.from(
      ((await made.json()) as { data: { attributes: { register_token: string } } }).data.attributes.register_token,
      'base64',
    ).toString('hex')
    const browser = openBrowser(server, 'new.login.test')
    expect((await browser.get('/auth/passphrase?registerToken=00')).status).toBe(400)
    expect((await browser.get('/auth/login')).text).not.toContain('type="password"')
    const path = `/auth/passphrase?registerToken=${token}`
    expect((await browser.submit(path, { new_password: 'short', again: 'short' })).status).toBe(422)
    expect((await browser.submit(path, { new_password: passphrase, again: 'different' })).status).toBe(422)
    const chosen = await browser.submit(path, { new_password: passphrase, again: passphrase })
    expect([chosen.status, chosen.location]).toEqual([303, '/'])
    expect((await browser.get('/')).status).toBe(200)
    expect((await browser.get(path)).location).toBe('/auth/login')
    expect((await logIn(openBrowser(server, 'new.login.test'))).status).toBe(303)
    const shown = (await (await admin('GET', '/instances/new.login.test')).json()) as { data: { attributes: object } }
    expect(shown.data.attributes).toMatchObject({ onboarding_finished: true, password_defined: true })
    expect(shown.data.attributes).not.toHaveProperty('register_token')
  })

  test('of several who use the link at the same time one chooses', async () => {
    const made = await admin('POST', '/instances?Domain=race.login.test')
    const { data } = (await made.json()) as { data: { attributes: { register_token: string } } }
    const token = Buffer.from(data.attributes.register_token, 'base64').toString('hex')
    const path = `/auth/passphrase?registerToken=${token}`
    const choose = (word: string) => {
      const fields = { new_password: `${passphrase} ${word}`, again: `${passphrase} ${word}` }
      return openBrowser(server, 'race.login.test').submit(path, fields)
    }
    const statuses = (await Promise.all(['a', 'b', 'c'].map(choose))).map(({ status }) => status)
    expect(statuses.filter((status) => status === 303)).toHaveLength(1)
    expect(statuses.filter((status) => status === 400 || status === 409)).toHaveLength(2)
  })
})

describe('the root of a host', () => {
  test.each([
    ['nobody.test', 'text/html', 200, 'Hearth runs here'],
    ['nobody.test', 'application/json', 200, '"version"'],
    [domain, '*/*', 200, '"version"'],
  ])('%s for %s is %i', async (host, accept, status, text) => {
    const answer = await openBrowser(server, host).get('/', { accept })
    expect(answer.status).toBe(status)
    expect(answer.text).toContain(text)
  })
})
