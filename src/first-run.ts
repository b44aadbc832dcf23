/** The first start on an empty store: what it creates and what it shows once at the terminal. */
import { randomBytes } from 'node:crypto'
import type { DatabaseRef, DocumentStore } from '../storage/documents/contract.ts'
import { readDocument, writeDocument } from './instances/own-documents.ts'
import type { ListenerAddress, ListenerName } from './listeners.ts'

/** Who this server is, the same after every restart and for all processes on one database. */
export interface Identity {
  /** 32 hex digits. */
  readonly uuid: string
  /** True in the one process that has just made it: the store was empty. */
  readonly isNew: boolean
}

const settings: DatabaseRef = { prefix: 'global', name: 'io.cozy.settings' }
const documentId = 'server'

/** Reads the server's identity, or makes it; of several processes starting at once only one gets `isNew`. */
export async function openIdentity(store: DocumentStore): Promise<Identity> {
  const known = await readIdentity(store)
  if (known !== undefined) return { uuid: known, isNew: false }
  await store.createDatabase(settings)
  const uuid = randomBytes(16).toString('hex')
  const written = await writeDocument(store, {
    ref: settings,
    id: documentId,
    value: { uuid, created_at: new Date().toISOString() },
  })
  if (written === 'ok') return { uuid, isNew: true }
  const other = await readIdentity(store)
  if (other === undefined) throw new Error('the identity of this server could not be stored')
  return { uuid: other, isNew: false }
}

async function readIdentity(store: DocumentStore): Promise<string | undefined> {
  const uuid = (await readDocument(store, settings, documentId))?.value['uuid']
  return typeof uuid === 'string' ? uuid : undefined
}

/** What the message of the first start needs to know. */
export interface Welcome {
  readonly addresses: Readonly<Partial<Record<ListenerName, ListenerAddress>>>
  /** The admin passphrase when it was made just now. */
  readonly passphrase?: string | undefined
  /** The instance made just now, with a token that may do everything on it. */
  readonly home?: { readonly domain: string; readonly token: string } | undefined
  /** The passphrase that sets the first token of the appliance's API, when it was made just now. */
  readonly appliance?: string | undefined
}

/** The addresses; after the first start also the secrets, which are never shown again. */
export function welcome({ addresses, passphrase, home, appliance }: Welcome): string {
  const lines = ['Hearth is running:']
  for (const name of ['public', 'admin', 'sync', 'appliance'] as const) {
    lines.push(`  ${name.padEnd(10)} ${addresses[name]?.url ?? 'off'}`)
  }
  if (passphrase !== undefined) {
    lines.push('', 'Admin passphrase (shown only now):', `  ${passphrase}`)
  }
  if (appliance !== undefined) {
    lines.push('', 'Passphrase that sets the first token of the appliance API (shown only now):', `  ${appliance}`)
  }
  if (home !== undefined) {
    lines.push('', 'First instance:', `  ${home.domain}`, '', 'Token for everything on it (shown only now):')
    lines.push(`  ${home.token}`)
    if (addresses.public !== undefined) {
      lines.push('', 'Try it:', `  ${curlLine(addresses.public, home.domain, home.token)}`)
    }
  }
  return `${lines.join('\n')}\n`
}

/**
 * One line for a shell that stores a document. It connects to an address and sends the domain as `Host`, since not every
 * system resolves `*.localhost`.
 */
export function curlLine({ host, port }: ListenerAddress, domain: string, token: string): string {
  const anywhere = host === 'localhost' || host === '0.0.0.0' || host === '::'
  const address = anywhere ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host
  return [
    `curl -X POST http://${address}:${port}/data/org.example.notes/`,
    `-H 'Host: ${domain}'`,
    `-H 'Authorization: Bearer ${token}'`,
    `-H 'Content-Type: application/json'`,
    `-d '{"title":"Hello"}'`,
  ].join(' ')
}
