/** Writes mails and hands them to the operator's mail server. */
import { createTransport } from 'nodemailer'
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { type ContextSettings, effectiveContext } from '../config/contexts.ts'
import type { Config } from '../config/settings.ts'
import { readDocument } from '../instances/own-documents.ts'
import type { Instance } from '../instances/service.ts'
import type { Log } from '../log.ts'
import { letterHtml, letterText } from './layout.ts'
import { MailError, type MailMessage, type MailService } from './service.ts'
import { writeLetter } from './templates.ts'

export interface MailOptions {
  readonly config: Config['mail']
  readonly contexts: ContextSettings
  readonly store: Pick<DocumentStore, 'read'>
  readonly log: Log
}

interface Person {
  readonly name: string
  readonly address: string
}

/** Milliseconds for a connection, and for each answer of the mail server. */
const answerMs = 30_000

/** Opens the service. Connections are made for each mail: there is nothing to close. */
export function openMail({ config, contexts, store, log }: MailOptions): MailService {
  const transport = openTransport(config)
  return {
    async send(instance, message) {
      const owner = await ownerOf(store, instance)
      const recipients = recipientsOf(owner, message, supportOf(instance, config, contexts))
      const { subject, text, html } = contentOf(instance, owner, message)
      const sender = senderOf(instance, config, contexts)
      const onBehalf = message.mode === 'from' || message.mode === 'support'
      const replyTo = message.reply_to ? personOf(message.reply_to) : onBehalf ? owner.person : sender.replyTo
      const detail = { instance: instance.domain, template: message.template_name }
      if (transport === undefined) {
        if (config.host !== '-') log.warning('a mail was not sent: no mail server is configured (mail.host)', detail)
        return
      }
      await transport
        .sendMail({
          from: sender.from,
          to: [...recipients],
          ...(replyTo ? { replyTo } : {}),
          subject: oneLine(subject),
          ...(text === undefined ? {} : { text }),
          ...(html === undefined ? {} : { html }),
          headers: { 'X-Cozy': oneLine(instance.domain) },
          envelope: { from: sender.from.address, to: recipients.map(({ address }) => address) },
          disableFileAccess: true,
          disableUrlAccess: true,
        })
        .catch((cause: unknown) => {
          throw mailError(cause)
        })
      log.info('sent a mail', detail)
    },
  }
}

function openTransport(config: Config['mail']) {
  const { host, port, username, password, use_ssl, disable_tls, skip_certificate_validation, local_name } = config
  if (host === undefined || host === '-') return undefined
  return createTransport({
    host,
    port,
    secure: use_ssl,
    ignoreTLS: disable_tls,
    requireTLS: !use_ssl && !disable_tls,
    tls: { rejectUnauthorized: !skip_certificate_validation },
    ...(username === undefined ? {} : { auth: { user: username, pass: password ?? '' } }),
    ...(local_name === undefined ? {} : { name: local_name }),
    connectionTimeout: answerMs,
    greetingTimeout: answerMs,
    socketTimeout: answerMs,
    dnsTimeout: answerMs,
  })
}

interface Owner {
  readonly publicName: string
  readonly person: Person | undefined
  readonly pending: Person | undefined
}

async function ownerOf(store: Pick<DocumentStore, 'read'>, instance: Instance): Promise<Owner> {
  const ref = { prefix: instance.prefix, name: 'io.cozy.settings' }
  const settings = await readDocument(store, ref, 'io.cozy.settings.instance')
  const text = (name: string) => {
    const value = settings?.value[name]
    return typeof value === 'string' ? value : ''
  }
  const publicName = text('public_name')
  const at = (email: string) => (email === '' ? undefined : { name: oneLine(publicName), address: email })
  return { publicName, person: at(text('email')), pending: at(text('pending_email')) }
}

function contentOf(instance: Instance, owner: Owner, message: MailMessage) {
  if (message.template_name !== undefined) {
    const { locale } = instance.document
    const language = typeof locale === 'string' ? locale : 'en'
    const values = { PublicName: owner.publicName, ...message.template_values }
    const letter = writeLetter(message.template_name, language, values)
    return { subject: message.subject ?? letter.subject, text: letterText(letter), html: letterHtml(letter, language) }
  }
  const part = (type: string) => message.parts?.find((one) => one.type === type)?.body
  const [text, html] = [part('text/plain'), part('text/html')]
  if (message.subject === undefined || message.subject === '') throw new MailError('The mail has no subject.', true)
  if (text === undefined && html === undefined) throw new MailError('The mail has no content.', true)
  return { subject: message.subject, text, html }
}

function senderOf(instance: Instance, config: Config['mail'], contexts: ContextSettings) {
  const context = contextOf(instance, contexts)
  const domain = instance.domain.replace(/:\d+$/, '')
  const from = {
    name: oneLine(context.noreply_name ?? config.noreply_name),
    address: context.noreply_address ?? config.noreply_address ?? `noreply@${domain}`,
  }
  const address = context.reply_to ?? config.reply_to
  return { from, replyTo: address === undefined ? undefined : { name: '', address } }
}

function supportOf(instance: Instance, config: Config['mail'], contexts: ContextSettings): Person | undefined {
  const address = contextOf(instance, contexts).support_address ?? config.alert_address
  return address === undefined ? undefined : { name: '', address }
}

function contextOf({ document }: Instance, contexts: ContextSettings) {
  const { context } = document
  return effectiveContext(contexts, typeof context === 'string' ? context : undefined)
}

function recipientsOf(owner: Owner, { mode, to = [] }: MailMessage, support: Person | undefined): readonly Person[] {
  const modes = new Map<string, readonly (Person | { name?: string | undefined; email: string } | undefined)[]>([
    ['noreply', [owner.person]],
    ['campaign', [owner.person]],
    ['pending', [owner.pending]],
    ['from', to],
    ['support', [support]],
  ])
  const chosen = modes.get(mode)
  if (chosen === undefined) throw new MailError(`Mail sent with unknown mode ${mode}`, true)
  const people = chosen.flatMap((one) => (one === undefined ? [] : [personOf(one)]))
  if (people.length === 0) throw new MailError('There is no address to send the mail to.', true)
  return people
}

/** Throws when the address could be read as anything but one address. */
function personOf(person: Person | { readonly name?: string | undefined; readonly email: string }): Person {
  const address = 'address' in person ? person.address : person.email
  if (!/^[^\s\p{Cc}@<>()[\],;:\\"]+@[^\s\p{Cc}@<>()[\],;:\\"]+$/u.test(address) || address.length > 320) {
    throw new MailError('The address of the mail is not a mail address.', true)
  }
  return { name: oneLine(person.name ?? ''), address }
}

/** The value of a header must not begin another one. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ').slice(0, 900)
}

/** The server's reply may contain addresses: it is not kept. */
function mailError(cause: unknown): MailError {
  const { responseCode, code } = cause as { responseCode?: unknown; code?: unknown }
  const status = typeof responseCode === 'number' ? responseCode : undefined
  const reason =
    status === undefined ? `it cannot be reached (${String(code ?? 'no answer')})` : `it answered ${status}`
  return new MailError(`The mail server did not take the mail: ${reason}.`, status !== undefined && status >= 500)
}
