/** Who gets in, over real TLS: token, hash, first run, pauses, and what an anonymous caller may learn. */
import { afterEach, describe, expect, test } from 'bun:test'
import { createHash, createHmac } from 'node:crypto'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { findBrokenLink } from '../../src/appliance/audit.ts'
import { type ApplianceStage, allEndpoints, openStage, type StageOptions } from '../support/appliance.ts'
import { type ApplianceClient, formOf, hashFor, openApplianceClient, prefix } from '../support/appliance-client.ts'

const open: { stage: ApplianceStage; client: ApplianceClient }[] = []
afterEach(async () => {
  for (const { stage, client } of open.splice(0)) {
    client.close()
    await stage.close()
  }
})

async function start(options: StageOptions & { readonly token?: string | null } = {}) {
  const stage = await openStage({
    pauseMs: 100,
    ...options,
    prepare(folders) {
      writeFileSync(join(folders.root, 'etc', 'version.txt'), '1.0.0\n')
      options.prepare?.(folders)
    },
  })
  if (options.token !== null) await stage.appliance.token.setFirst(options.token ?? 'yourtoken')
  const client = openApplianceClient(`https://127.0.0.1:${stage.port}`)
  const both = { stage, client }
  open.push(both)
  const ask = (method: string, path: string, init: { headers?: Record<string, string>; body?: Buffer } = {}) =>
    client.http.fetch(`${client.url}${prefix}${path}`, { method, ...init })
  const setup = (query: string, newtoken?: string) => {
    const { body, headers } = formOf(newtoken === undefined ? [] : [{ name: 'newtoken', content: newtoken }])
    return ask('POST', `/setup${query}`, { headers, body })
  }
  return { ...both, ask, setup }
}

const bodyOf = async (answer: Response) => [answer.status, await answer.json()]
const forbidden = { Status: '403 Forbidden', 'Error-Message': 'Authentication error' }

describe('setting the token', () => {
  test('the first caller sets it, a second one needs it', async () => {
    const { setup, client } = await start({ token: null })
    expect(await bodyOf(await setup('', 'yourtoken'))).toEqual([200, { Status: '200 OK' }])
    expect((await client.get('/version')).status).toBe(200)
    expect(await bodyOf(await setup('', 'evil'))).toEqual([403, { Status: '403 Forbidden' }])
  })

  test('255 characters are one token, and its hash is the published kind', async () => {
    const { setup, ask } = await start({ token: null })
    expect((await setup('', '~'.repeat(255))).status).toBe(200)
    const hash = 'b28141de1396cca13392017bfddba162b58bfbd79be3713f71e65488ad5546b4'
    expect((await ask('GET', `/version?hash=${hash}`)).status).toBe(200)
  })

  test.each(['~'.repeat(256), '', 'a b', 'é', 'a\tb', ' a', 'a ', 'a\0b', undefined])(
    '%p is refused',
    async (newtoken) => {
      const { setup, stage } = await start({ token: null })
      expect((await setup('', newtoken)).status).toBe(400)
      expect(stage.appliance.token.isMissing).toBe(true)
    },
  )

  test('of two that come at once exactly one wins', async () => {
    const { setup } = await start({ token: null })
    const answers = await Promise.all(Array.from({ length: 8 }, (_, at) => setup('', `token${at}`)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...new Array<number>(7).fill(403)])
  })

  test('a new one ends the old one for the very next request', async () => {
    const { setup, ask, client } = await start()
    expect((await setup(`?hash=${hashFor('yourtoken', 'POST', '/setup')}`, 'other')).status).toBe(200)
    expect((await client.get('/version')).status).toBe(403)
    expect((await ask('GET', '/version?token=yourtoken')).status).toBe(403)
    expect((await ask('GET', '/version?token=other')).status).toBe(200)
    expect((await ask('GET', `/version?hash=${hashFor('other', 'GET', '/version')}`)).status).toBe(200)
  })

  test('is kept as a hash in a private file; one in clear from an older appliance still counts', async () => {
    const { stage } = await start()
    const file = join(stage.root, 'etc', 'api.token')
    expect(readFileSync(file, 'utf8')).toMatch(/^sha256:[0-9a-f]{64}\n$/)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const older = await start({
      token: null,
      prepare: ({ root }) => writeFileSync(join(root, 'etc', 'api.token'), 'oldtoken\n', { mode: 0o600 }),
    })
    expect((await older.ask('GET', '/version?token=oldtoken')).status).toBe(200)
  })

  test('an empty file is no token: nothing authenticates, and the first may be set', async () => {
    const { ask, setup } = await start({
      token: null,
      prepare: ({ root }) => writeFileSync(join(root, 'etc', 'api.token'), '', { mode: 0o600 }),
    })
    const ofNothing = '99256a631b6a3ecae8c503dfffab1e1c8fe91100f3dddb24a1f24f30907618da'
    for (const query of ['?token=', `?hash=${ofNothing}`, ''])
      expect((await ask('GET', `/version${query}`)).status).toBe(403)
    expect((await setup('', 'yourtoken')).status).toBe(200)
  })
})

describe('the pause', () => {
  test('takes 2 s and delays nobody else', async () => {
    const { setup, client } = await start({ pauseMs: 2_000 })
    const began = performance.now()
    const failing = setup('?token=wrong', 'evil').then(() => performance.now() - began)
    await client.get('/version')
    const meanwhile = performance.now()
    for (let count = 0; count < 5; count++) expect((await client.get('/version')).status).toBe(200)
    expect(performance.now() - meanwhile).toBeLessThan(1_500)
    expect(await failing).toBeGreaterThanOrEqual(2_000)
  })

  test('guesses made at once are not looked at, the right one among them neither', async () => {
    const { setup, stage } = await start({ pauseMs: 400 })
    const wrong = Array.from({ length: 10 }, (_, at) => setup(`?token=guess${at}`, 'evil'))
    await new Promise((resolve) => setTimeout(resolve, 100))
    const right = await setup('?token=yourtoken', 'mine')
    expect(right.status).toBe(403)
    expect((await Promise.all(wrong)).every(({ status }) => status === 403)).toBe(true)
    expect(stage.appliance.guesses.failures).toBe(11)
  })

  test('who fails often is slowed down, and somebody else gets in', async () => {
    const { stage, ask } = await start({ pauseMs: 200 })
    for (let count = 0; count < 11; count++) expect((await ask('GET', '/version?token=wrong')).status).toBe(403)
    expect((await ask('GET', '/version?token=yourtoken')).status).toBe(403)
    const elsewhere = await new Promise<string>((resolve) => {
      const from = { localAddress: '127.0.0.9' } as object
      const socket = connect({ host: '127.0.0.1', port: stage.port, rejectUnauthorized: false, ...from }, () => {
        socket.write(`GET ${prefix}/version?token=yourtoken HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
      })
      socket.once('data', (chunk: Buffer) => resolve(chunk.toString('latin1').split('\r\n')[0] ?? ''))
    })
    expect(elsewhere).toBe('HTTP/1.1 200 OK')
  })
})

describe('authentication', () => {
  const published = 'b714a60732e096ccef06e360eefe0f1ba4fa5d16ef7da726612e2026e5523241'

  test.each([
    ['the token', '?token=yourtoken', 200],
    ['the published hash', `?hash=${published}`, 200],
    ['a right hash beside a wrong token', `?hash=${published}&token=wrong`, 200],
    ['a wrong hash beside the right token', `?hash=${'0'.repeat(64)}&token=yourtoken`, 403],
    [
      'a hash over the raw bytes of the key',
      '?hash=cd0a9bad66b217ae6f82cd1820e400cb4dacd1e75b3921b6cd31eeedf54daa9f',
      403,
    ],
    [
      'a hash over the path with a slash',
      '?hash=99587867cf3d278e146b67634eff0edc02a37212f03fd2b9cb4ebe41cb956675',
      403,
    ],
    ['two hashes', `?hash=${published}&hash=${published}`, 403],
    ['two tokens', '?token=yourtoken&token=yourtoken', 403],
    ['a hash of 10,000 characters', `?hash=${'a'.repeat(10_000)}`, 403],
    ['a hash with a NUL', `?hash=${published}%00`, 403],
    ['broken escapes', '?token=%zz', 403],
    ['nothing', '', 403],
  ])('with %s', async (_name, query, status) => {
    const { ask } = await start()
    const answer = await ask('GET', `/version${query}`)
    expect(answer.status).toBe(status)
    if (status === 403) expect(await answer.json()).toEqual(forbidden)
    else expect(await answer.json()).toEqual({ version: '1.0.0' })
  })

  test('a hash is for one method and path', async () => {
    const { ask, client } = await start()
    expect((await ask('POST', `/setup?hash=${hashFor('yourtoken', 'GET', '/setup')}`)).status).toBe(403)
    expect((await ask('GET', `/update/log?hash=${hashFor('yourtoken', 'GET', '/update')}`)).status).toBe(403)
    expect((await client.get('/update')).status).toBe(200)
  })

  test('HEAD and wrong methods are 400 for those who may, and have no effect', async () => {
    const { ask, stage } = await start()
    let reboots = 0
    Object.assign(stage.appliance.reboot, {
      begin() {
        reboots += 1
      },
    })
    for (const method of ['HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      expect([method, (await ask(method, '/reboot?token=yourtoken')).status]).toEqual([method, 400])
    }
    expect((await ask('HEAD', '/reboot')).status).toBe(403)
    const answer = await ask('POST', '/version?token=yourtoken')
    expect(await bodyOf(answer)).toEqual([
      400,
      { Status: '400 Bad Request', 'Error-Message': 'Invalid authentication method. Expected GET' },
    ])
    expect(answer.headers.get('error-message')).toBe('Invalid authentication method. Expected GET')
    expect(reboots).toBe(0)
    expect((await ask('GET', '/reboot?token=yourtoken')).status).toBe(202)
    expect(reboots).toBe(1)
  })

  test('what does not exist is 404 to everybody, what exists is 403', async () => {
    const { ask } = await start({ config: { endpoints: ['settings'] } })
    for (const query of ['', '?token=yourtoken']) {
      for (const path of ['/nonexistent', '/backup', '/backup/log', '/storage', '/version/', '/%76ersion', '']) {
        expect(await bodyOf(await ask('GET', path + query))).toEqual([404, { Status: '404 Not Found' }])
      }
      expect((await ask('POST', `/backup/restore${query}`)).status).toBe(404)
    }
    expect(await bodyOf(await ask('GET', '/settings'))).toEqual([403, forbidden])
    const listed = (await (await ask('GET', '/endpoints?token=yourtoken')).json()) as { endpoints: string[] }
    expect(listed.endpoints).toContain(`${prefix}/settings`)
    expect(listed.endpoints).not.toContain(`${prefix}/storage`)
    expect(listed.endpoints.at(-1)).toBe('/docs')
  })

  test('requests of pages of other sites are refused', async () => {
    const { ask, stage } = await start()
    let reboots = 0
    Object.assign(stage.appliance.reboot, {
      begin() {
        reboots += 1
      },
    })
    const get = (headers: Record<string, string>) => ask('GET', '/reboot?token=yourtoken', { headers })
    expect((await get({ origin: 'https://evil.example' })).status).toBe(403)
    expect((await get({ origin: 'null' })).status).toBe(403)
    expect((await get({ 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    expect((await get({ 'sec-purpose': 'prefetch' })).status).toBe(400)
    expect(reboots).toBe(0)
    expect((await get({ origin: `https://127.0.0.1:${stage.port}` })).status).toBe(202)
  })

  test('every answer carries the headers that keep it safe', async () => {
    const { ask } = await start()
    for (const [method, path] of [
      ['GET', '/version?token=yourtoken'],
      ['GET', '/version'],
      ['GET', '/nonexistent'],
      ['HEAD', '/version'],
    ] as const) {
      const { headers } = await ask(method, path)
      expect(headers.get('strict-transport-security')).toBe('max-age=31536000; includeSubDomains')
      expect(headers.get('x-frame-options')).toBe('DENY')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('content-security-policy')).toContain("object-src 'self'")
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      expect(headers.get('cache-control')).toBe('no-store')
    }
  })
})

test('a form was sent -> its connection is not watched any more', async () => {
  const { stage } = await start({ config: { limits: { upload_idle_seconds: 1 } } })
  const { body, headers } = formOf([{ name: 'newtoken', content: 'other' }])
  const lines = Object.entries({ ...headers, host: '127.0.0.1', 'content-length': body.length })
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const socket = connect({ port: stage.port, host: '127.0.0.1', rejectUnauthorized: false })
  let isClosed = false
  socket.on('close', () => {
    isClosed = true
  })
  const answered = new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data))))
  socket.write(Buffer.concat([Buffer.from(`POST ${prefix}/setup?token=yourtoken HTTP/1.1\r\n${head}\r\n`), body]))
  expect(await answered).toStartWith('HTTP/1.1 200')
  // Longer than an upload may stand still.
  await new Promise((resolve) => setTimeout(resolve, 3_200))
  expect(isClosed).toBe(false)
  socket.destroy()
})

describe('signed requests', () => {
  const key = createHash('sha256').update('yourtoken').digest('hex')
  const sign = (path: string, query: string, ts: number, nonce: string) => {
    const empty = createHash('sha256').digest('hex')
    const text = ['GET', `${prefix}${path}`, query, ts, nonce, empty].join('\n')
    return `Jido-HMAC ts=${ts},nonce=${nonce},sig=${createHmac('sha256', key).update(text).digest('hex')}`
  }
  const now = () => Math.floor(Date.now() / 1000)

  test('work once, and only now', async () => {
    const { ask } = await start()
    const get = (authorization: string, query = '') => ask('GET', `/version${query}`, { headers: { authorization } })
    const once = sign('/version', '', now(), 'nonce-0001')
    expect((await get(once)).status).toBe(200)
    expect((await get(once)).status).toBe(403)
    expect((await get(sign('/version', '', now() - 400, 'nonce-0002'))).status).toBe(403)
    expect((await get(sign('/version', '', now(), 'nonce-0003'), '?more=1')).status).toBe(403)
    expect((await get(sign('/version', 'more=1', now(), 'nonce-0004'), '?more=1')).status).toBe(200)
  })

  test('cover the body: another one is refused, and nothing of it counts', async () => {
    const { ask, stage } = await start()
    const { body, headers } = formOf([{ name: 'newtoken', content: 'ours' }])
    const { body: other, headers: otherHeaders } = formOf([{ name: 'newtoken', content: 'evil' }])
    const digest = createHash('sha256').update(body).digest('hex')
    const signed = (nonce: string) => {
      const text = ['POST', `${prefix}/setup`, '', now(), nonce, digest].join('\n')
      const sig = createHmac('sha256', key).update(text).digest('hex')
      return { authorization: `Jido-HMAC ts=${now()},nonce=${nonce},sig=${sig}`, 'x-content-sha256': digest }
    }
    const replaced = await ask('POST', '/setup', { headers: { ...otherHeaders, ...signed('nonce-0006') }, body: other })
    expect(replaced.status).toBe(403)
    expect(stage.appliance.token.key()).toBe(key)
    const meant = await ask('POST', '/setup', { headers: { ...headers, ...signed('nonce-0007') }, body })
    expect(meant.status).toBe(200)
    expect((await ask('GET', '/version?token=ours')).status).toBe(200)
  })

  test('can be the only way', async () => {
    const { ask } = await start({ config: { auth: { require_signed: true } } })
    expect((await ask('GET', '/version?token=yourtoken')).status).toBe(403)
    const authorization = sign('/version', '', now(), 'nonce-0005')
    expect((await ask('GET', '/version', { headers: { authorization } })).status).toBe(200)
  })
})

describe('the first run', () => {
  const config = { endpoints: allEndpoints, 'first-run': { enabled: true, 'word-length': 4 } }

  test('asks for the passphrase, and says so until the token is set', async () => {
    const { stage, ask, setup } = await start({ token: null, config })
    const { passphrase = '' } = stage.appliance.token
    expect(passphrase).toMatch(/^[a-z-]+-[a-z-]+-[a-z-]+-[a-z-]+$/)
    const file = join(stage.root, 'etc', 'api.token.setup')
    expect(readFileSync(file, 'utf8').trim()).toBe(passphrase)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const pending = [403, { ...forbidden, 'First-Run': true }]
    expect(await bodyOf(await ask('GET', '/version'))).toEqual(pending)
    expect(await bodyOf(await ask('GET', `/version?token=${passphrase}`))).toEqual(pending)
    expect(await bodyOf(await setup('', 'evil'))).toEqual([403, { Status: '403 Forbidden' }])
    expect((await setup(`?token=${passphrase}`, 'not allowed')).status).toBe(400)
    expect(await bodyOf(await ask('GET', '/version'))).toEqual(pending)
    expect((await setup(`?hash=${hashFor(passphrase, 'POST', '/setup')}`, 'yourtoken')).status).toBe(200)
    expect(await bodyOf(await ask('GET', '/version'))).toEqual([403, { ...forbidden, 'First-Run': false }])
    expect((await ask('GET', '/version?token=yourtoken')).status).toBe(200)
    expect((await setup(`?token=${passphrase}`, 'again')).status).toBe(403)
    expect(readFileSync(file, 'utf8')).toBe('')
  })

  test('is not repeated by a restart, and a broken configuration turns nothing on', async () => {
    const { stage } = await start({ token: null, config })
    const { passphrase } = stage.appliance.token
    const again = await openStage({ config, folder: join(stage.root, '..'), keep: true })
    expect([again.appliance.token.passphrase, again.appliance.token.isPending]).toEqual([undefined, true])
    expect(again.appliance.token.proves({ token: passphrase, hash: undefined }, 'GET', '/')).toBe(true)
    await again.close()
    const broken = await openStage({ config: { endpoints: 'all', 'first-run': 'no' } })
    expect(broken.appliance.hasEndpoint('backup')).toBe(false)
    expect(broken.appliance.token.isPending).toBe(true)
    await broken.close()
  })
})

test('the audit log has six fields a line, its chain holds, and no secret is in anything that was written', async () => {
  const lines: string[] = []
  const note = (event: string, detail?: object) => void lines.push(event + JSON.stringify(detail))
  const log = { debug: note, info: note, warning: note, error: note, with: () => log }
  const { stage, ask, setup, client } = await start({ log, token: 'S3cr3t-token' })
  await setup('?token=wr0ng-guess', 'Pl4nted-new')
  await setup('?token=S3cr3t-token', 'Pl4nted-new')
  await ask('GET', `/version?hash=${hashFor('Pl4nted-new', 'GET', '/version')}`)
  await ask('GET', '/version?token=wr0ng-guess')
  const { body, headers } = formOf([
    {
      name: 'settings',
      file: 'x',
      content:
        '{"storage":{"type":"iscsi","target":"iqn.x:y","ip":"1.2.3.4","username":"user","password":"Pa55-planted"}}',
    },
  ])
  await ask('POST', '/storage?token=Pl4nted-new', { headers, body })
  await ask('GET', '/debug?token=Pl4nted-new')
  const folder = join(stage.root, 'log')
  const plain = readFileSync(join(folder, 'jidoteki-audit.log'), 'utf8').trimEnd().split('\n')
  for (const line of plain) expect(line).toMatch(/^\d+\.\d{9},[0-9a-f]{16},web,admin,[a-z.]+,"[^"]*"$/)
  expect(plain.map((line) => line.split(',')[4])).toEqual([
    'token.setup.failed',
    'token.update.success',
    'token.authenticate.failed',
    'storage.post',
    'debug.get',
  ])
  const chain = readFileSync(join(folder, 'audit.jsonl'), 'utf8')
  expect(findBrokenLink(chain)).toBe(0)
  expect(findBrokenLink(chain.replace('token.update.success', 'token.update.nothing'))).toBe(3)
  const everything =
    readdirSync(folder)
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .join('') + lines.join('')
  for (const secret of [
    'S3cr3t-token',
    'Pl4nted-new',
    'wr0ng-guess',
    'Pa55-planted',
    hashFor('Pl4nted-new', 'GET', '/version'),
  ]) {
    expect(everything).not.toContain(secret)
  }
  client.close()
})
