/** Mails as a real SMTP server gets them. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { Config } from '../config/settings.ts'
import type { Instance } from '../instances/service.ts'
import { type Log, silentLog } from '../log.ts'
import { selfSignedCertificate } from '../self-signed.ts'
import { openMail } from './mail.ts'
import { MailError, MailMessage } from './service.ts'
import { templateNames, writeLetter } from './templates.ts'

interface Received {
  readonly from: string
  readonly to: readonly string[]
  readonly source: string
  readonly secure: boolean
  readonly user: string | undefined
}

const received: Received[] = []
let refuse: { code: number } | undefined
let port = 0
const servers: SMTPServer[] = []

async function startSmtp(options: ConstructorParameters<typeof SMTPServer>[0]): Promise<number> {
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    authOptional: true,
    onAuth: ({ username, password }, _, done) =>
      password === 'open sesame' ? done(null, { user: username }) : done(new Error('no')),
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk) => chunks.push(chunk))
      stream.on('end', () => {
        if (refuse) return done(Object.assign(new Error('not ada@example.org'), { responseCode: refuse.code }))
        const { mailFrom, rcptTo } = session.envelope
        received.push({
          from: mailFrom ? mailFrom.address : '',
          to: rcptTo.map(({ address }) => address),
          source: Buffer.concat(chunks).toString('utf8'),
          secure: session.secure,
          user: session.user,
        })
        done()
      })
    },
    ...options,
  })
  servers.push(server)
  server.on('error', () => {})
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return (server.server.address() as AddressInfo).port
}

beforeAll(async () => {
  port = await startSmtp({})
})
beforeEach(() => {
  received.length = 0
  refuse = undefined
})
afterAll(() => {
  for (const server of servers) server.close()
})

const ada = instance({ locale: 'en' })

function instance(document: Record<string, unknown>, domain = 'ada.example.org:8080'): Instance {
  return { id: 'i', rev: '1-a', domain, aliases: [], prefix: 'p', document }
}

interface Given {
  readonly mail?: Record<string, unknown>
  readonly contexts?: Record<string, Record<string, unknown>>
  readonly settings?: Record<string, unknown>
  readonly log?: Log
}

function mailOf({ mail = {}, contexts = {}, settings = {}, log = silentLog }: Given = {}) {
  const owner = { email: 'ada@example.org', public_name: 'Ada Ünïcode', ...settings }
  return openMail({
    config: Config.shape.mail.parse({ host: '127.0.0.1', port, disable_tls: true, ...mail }),
    contexts: { contexts, registries: {} },
    store: {
      read: async () => ({ id: '', gen: 1, hash: 'a', deleted: false, text: JSON.stringify(owner), seq: 1n }) as never,
    },
    log,
  })
}

const hello = { mode: 'noreply', subject: 'Hi', parts: [{ type: 'text/plain' as const, body: 'Hello' }] }

/** Headers unfolded, by name in lower case. */
function headersOf({ source }: Received): Record<string, string[]> {
  const head = source.slice(0, source.indexOf('\r\n\r\n')).replaceAll(/\r\n[ \t]+/g, ' ')
  const found: Record<string, string[]> = {}
  for (const line of head.split('\r\n')) {
    const [, name = '', value = ''] = /^([^:]+): ?(.*)$/.exec(line) ?? []
    found[name.toLowerCase()] = [...(found[name.toLowerCase()] ?? []), value]
  }
  return found
}

async function failureOf(work: Promise<unknown>): Promise<MailError | undefined> {
  try {
    await work
  } catch (error) {
    if (error instanceof MailError) return error
    throw error
  }
  return undefined
}

describe('a mail to the owner', () => {
  test('has its sender, the instance and plain text', async () => {
    await mailOf({ mail: { noreply_address: 'noreply@home.org', noreply_name: 'Home' } }).send(ada, hello)
    const [mail] = received
    expect(mail).toMatchObject({ from: 'noreply@home.org', to: ['ada@example.org'] })
    expect(headersOf(mail as Received)).toMatchObject({
      from: ['Home <noreply@home.org>'],
      subject: ['Hi'],
      'x-cozy': ['ada.example.org:8080'],
    })
    expect(mail?.source).toEndWith('\r\n\r\nHello\r\n')
  })

  test('without a configured sender comes from the domain, without its port', async () => {
    await mailOf().send(ada, hello)
    expect(received[0]?.from).toBe('noreply@ada.example.org')
  })

  test('has the sender of its context, and of the default context what that leaves out', async () => {
    const contexts = {
      default: { noreply_address: 'noreply@default.org', reply_to: 'help@default.org' },
      family: { noreply_name: 'Family' },
    }
    await mailOf({ contexts }).send(instance({ context: 'family' }), hello)
    expect(headersOf(received[0] as Received)).toMatchObject({
      from: ['Family <noreply@default.org>'],
      'reply-to': ['help@default.org'],
    })
  })

  test('goes to nobody else, whatever the message says', async () => {
    await mailOf().send(ada, { ...hello, to: [{ email: 'mallory@example.org' }] })
    expect(received[0]?.to).toEqual(['ada@example.org'])
  })

  test('with both kinds of text is an alternative', async () => {
    const html = { type: 'text/html' as const, body: '<b>Hello</b>' }
    await mailOf().send(ada, { ...hello, parts: [...hello.parts, html] })
    expect(received[0]?.source).toContain('multipart/alternative')
  })
})

describe('modes', () => {
  test('support: from the owner to the operator, answers go to the owner', async () => {
    await mailOf({ mail: { alert_address: 'root@home.org' } }).send(ada, { ...hello, mode: 'support' })
    expect(received[0]?.to).toEqual(['root@home.org'])
    expect(headersOf(received[0] as Received)['reply-to']?.[0]).toContain('<ada@example.org>')
  })
  test('from: to the given people', async () => {
    const to = [{ name: 'Bob', email: 'bob@example.org' }, { email: 'eve@example.org' }]
    await mailOf().send(ada, { ...hello, mode: 'from', to })
    expect(received[0]?.to).toEqual(['bob@example.org', 'eve@example.org'])
  })
  test('pending: to the address that is not confirmed', async () => {
    await mailOf({ settings: { pending_email: 'new@example.org' } }).send(ada, { ...hello, mode: 'pending' })
    expect(received[0]?.to).toEqual(['new@example.org'])
  })
  test.each([
    [{ ...hello, mode: 'nonsense' }, 'Mail sent with unknown mode nonsense'],
    [{ ...hello, mode: 'from' }, 'There is no address to send the mail to.'],
    [{ ...hello, subject: '' }, 'The mail has no subject.'],
    [{ mode: 'noreply', subject: 'Hi' }, 'The mail has no content.'],
  ])('%p -> a permanent failure', async (message, text) => {
    expect(await failureOf(mailOf().send(ada, message))).toMatchObject({ message: text, permanent: true })
  })
  test('an owner without an address -> a permanent failure', async () => {
    const failure = await failureOf(mailOf({ settings: { email: '' } }).send(ada, hello))
    expect(failure).toMatchObject({ message: 'There is no address to send the mail to.', permanent: true })
  })
})

describe('nothing that is given begins another header or recipient', () => {
  const evil = 'x\r\nBcc: mallory@example.org\r\nX-Evil: 1\n\r\n\u0000evil body'

  test('subjects, names and domains are one line', async () => {
    const mail = mailOf({ settings: { public_name: evil }, contexts: { default: { noreply_name: evil } } })
    const tenant = instance({ locale: 'en' }, 'ada.example.org')
    await mail.send(tenant, { ...hello, subject: evil })
    const reply = { name: evil, email: 'bob@example.org' }
    await mail.send(tenant, { ...hello, mode: 'from', to: [reply], reply_to: reply })
    for (const got of received) {
      const headers = headersOf(got)
      expect(headers['bcc']).toBeUndefined()
      expect(headers['x-evil']).toBeUndefined()
      expect(got.to).toHaveLength(1)
      expect(got.source.slice(0, got.source.indexOf('\r\n\r\n'))).toContain('\r\nFrom: ')
    }
    expect(received).toHaveLength(2)
  })

  test.each([
    'a@b\r\nBcc: c@d',
    'a@b, c@d',
    'a@b;c@d',
    '<a@b>',
    'a b@c',
    '"a@b" <c@d>',
    'a@b@c',
    '@b',
    'a@',
    'a',
    '',
    'a@b\u0000',
    'group:a@b;',
    `${'x'.repeat(400)}@b.org`,
  ])('the address %p is refused', async (email) => {
    for (const message of [
      { ...hello, mode: 'from', to: [{ email }] },
      { ...hello, reply_to: { email } },
    ]) {
      expect(await failureOf(mailOf().send(ada, message))).toMatchObject({ permanent: true })
    }
    expect(received).toEqual([])
  })

  test('files and addresses in the message are not opened', () => {
    const given = {
      ...hello,
      attachments: [{ path: '/etc/passwd' }],
      parts: [{ type: 'text/html', body: { path: '/etc/passwd' } }],
    }
    expect(MailMessage.safeParse(given).success).toBe(false)
    expect(MailMessage.parse({ ...hello, attachments: [{ path: '/etc/passwd' }] })).not.toHaveProperty('attachments')
  })
})

describe('the mail server', () => {
  test('none configured -> the log says so and nothing fails', async () => {
    const lines: string[] = []
    const log = {
      ...silentLog,
      warning: (event: string, detail?: unknown) => lines.push(`${event} ${JSON.stringify(detail)}`),
    }
    await mailOf({ mail: { host: undefined }, log: log as Log }).send(ada, hello)
    await mailOf({ mail: { host: '-' }, log: log as Log }).send(ada, hello)
    expect(lines).toEqual([
      'a mail was not sent: no mail server is configured (mail.host) {"instance":"ada.example.org:8080"}',
    ])
  })

  test.each([
    [550, true],
    [451, false],
  ])('an answer %p -> permanent: %p, and no address in the message', async (code, permanent) => {
    refuse = { code }
    const failure = await failureOf(mailOf().send(ada, hello))
    expect(failure).toMatchObject({ message: `The mail server did not take the mail: it answered ${code}.`, permanent })
  })

  test('that cannot be reached -> not permanent', async () => {
    const closed = await startSmtp({})
    await new Promise<void>((done) => servers.pop()?.close(done))
    expect(await failureOf(mailOf({ mail: { port: closed } }).send(ada, hello))).toMatchObject({ permanent: false })
  })

  test('without STARTTLS gets no mail unless that is allowed', async () => {
    const failure = await failureOf(mailOf({ mail: { disable_tls: false } }).send(ada, hello))
    expect(failure?.message).toStartWith('The mail server did not take the mail')
    expect(received).toEqual([])
  })

  test('with STARTTLS and a password: an unknown certificate is refused unless that is allowed', async () => {
    const pair = await selfSignedCertificate({ names: ['localhost'], notBefore: new Date(Date.now() - 1000), days: 1 })
    const secure = await startSmtp({ ...pair, disabledCommands: [] })
    const mail = { port: secure, disable_tls: false, username: 'hearth', password: 'open sesame' }
    expect(await failureOf(mailOf({ mail }).send(ada, hello))).toBeInstanceOf(MailError)
    await mailOf({ mail: { ...mail, skip_certificate_validation: true } }).send(ada, hello)
    expect(received).toMatchObject([{ secure: true, user: 'hearth' }])
    const wrong = { ...mail, skip_certificate_validation: true, password: 'wrong' }
    expect(await failureOf(mailOf({ mail: wrong }).send(ada, hello))).toBeInstanceOf(MailError)
  })
})

describe('templates', () => {
  const values = {
    PublicName: 'Ada <b>',
    ArchiveLink: 'https://settings.ada.example.org/#/exports/abc?a=1&b=2',
    PartLinks: 'https://a/1\nhttps://a/2',
    CozyLink: 'https://home.ada.example.org/',
    ConfirmLink: 'https://ada.example.org/move/go?secret=1',
    Source: 'a',
    Target: 'b',
    TwoFactorPasscode: '123456',
    MagicLink: 'javascript:alert(1)',
  }

  test.each(templateNames)('%s has a subject and content in both languages, which differ', (name) => {
    const [en, fr] = [writeLetter(name, 'en', values), writeLetter(name, 'fr-CA', values)]
    for (const letter of [en, fr]) {
      expect(letter.subject.trim()).not.toBe('')
      expect(letter.blocks.length).toBeGreaterThan(1)
      expect(JSON.stringify(letter)).not.toContain('undefined')
    }
    expect(en.subject).not.toBe(fr.subject)
    expect(en.blocks.length).toBe(fr.blocks.length)
    expect(writeLetter(name, 'de', values)).toEqual(en)
  })

  test('are sent as text and HTML, in the language of the instance, with nothing interpreted', async () => {
    await mailOf({ settings: { public_name: '' } }).send(instance({ locale: 'fr' }), {
      mode: 'noreply',
      template_name: 'archiver',
      template_values: { ...values, toString: 'x' },
    })
    const { source } = received[0] as Received
    const decoded = source.replaceAll('=\r\n', '').replaceAll('=3D', '=')
    expect(decoded).toContain('https://settings.ada.example.org/#/exports/abc?a=1&b=2')
    expect(decoded).toContain('href="https://settings.ada.example.org/#/exports/abc?a=1&amp;b=2"')
    expect(decoded).toContain('Ada &lt;b&gt;')
    expect(headersOf(received[0] as Received)['subject']?.[0]).toContain('=?UTF-8?')
  })

  test('a link that a browser would run is no link', async () => {
    await mailOf().send(ada, { mode: 'noreply', template_name: 'magic_link', template_values: values })
    expect(received[0]?.source).not.toContain('href')
  })
})
