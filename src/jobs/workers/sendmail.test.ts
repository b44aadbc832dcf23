import { expect, test } from 'bun:test'
import type { Instance } from '../../instances/service.ts'
import { silentLog } from '../../log.ts'
import { sealValues } from '../../mail/sealed-values.ts'
import type { MailMessage } from '../../mail/service.ts'
import { newSecrets } from '../../secrets/secrets.ts'
import type { Task } from '../service.ts'
import { sendmailWorker } from './sendmail.ts'

const secrets = newSecrets(new Uint8Array(32).fill(1))
const instance: Instance = { id: 'i', rev: '1-a', domain: 'a.test', aliases: [], prefix: 'p', document: {} }

/** What was sent, or why not. */
async function outcome(task: Partial<Task>, allowed = 1): Promise<MailMessage | string> {
  const sent: MailMessage[] = []
  let asked = 0
  const worker = sendmailWorker({
    mail: { send: async (_instance, message) => void sent.push(message) },
    instances: { byHost: async () => instance },
    secrets,
    mayAsk: async () => ++asked <= allowed,
  })
  const job = {
    id: 'job',
    tenant: instance,
    worker: 'sendmail',
    message: { mode: 'noreply', template_name: 'archiver' },
    event: undefined,
    payload: undefined,
    trusted: true,
    attempt: 1,
    deaths: 0,
    signal: new AbortController().signal,
    log: silentLog,
    progress: () => {},
  }
  try {
    await worker.run({ ...job, ...task })
  } catch (error) {
    return String(error)
  }
  return sent[0] ?? 'nothing'
}

const sealed = (prefix: string) => ({
  mode: 'noreply',
  template_name: 'archiver',
  sealed_values: sealValues(secrets, prefix, { ArchiveLink: 'https://a.test/#/exports/x' }),
})

test('the values that the server sealed are those of the mail', async () => {
  expect(await outcome({ message: sealed('p') })).toEqual({
    mode: 'noreply',
    template_name: 'archiver',
    template_values: { ArchiveLink: 'https://a.test/#/exports/x' },
  })
})

test.each([
  ['of a client', { trusted: false, message: sealed('p') }],
  ['of another tenant', { message: sealed('q') }],
  ['that were not sealed', { message: { ...sealed('p'), sealed_values: 'x' } }],
])('sealed values %s are not opened', async (_, task) => {
  expect(await outcome(task)).toContain('cannot be opened')
})

test.each([
  ['a client that may send no more', { trusted: false }, 0, 'too many mails'],
  ['a client that may', { trusted: false }, 1, undefined],
  ['a client whose mail is tried again', { trusted: false, attempt: 2 }, 0, undefined],
  ['the server itself', {}, 0, undefined],
])('a mail of %s', async (_, task, allowed, failure) => {
  const found = await outcome(task, allowed)
  if (failure === undefined) expect(found).toMatchObject({ template_name: 'archiver' })
  else expect(found).toContain(failure)
})
