/** Whose files a request is about, how much room they have, and who acts on them. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { actorOf } from '../instances/actor.ts'
import { readDocument } from '../instances/own-documents.ts'
import type { Instance } from '../instances/service.ts'
import type { Drive, FirstDirectory, Versioning } from './service.ts'

export interface DriveOptions {
  readonly store: Pick<DocumentStore, 'read'>
  readonly versioning: Versioning
  /** Settings of the context that an instance names; absent: the defaults. */
  readonly contextOf?: (context: string | undefined) => {
    readonly init_administrative_folder?: boolean | undefined
    readonly init_photos_folder?: boolean | undefined
  }
}

/** The files of an instance for the bearer of a token that was verified before; without one, for nobody in particular. */
export type DriveOf = (instance: Instance, token: string | undefined) => Promise<Drive>

export function newDriveOf({ store, versioning, contextOf = () => ({}) }: DriveOptions): DriveOf {
  return async ({ prefix, domain, document }, token) => {
    const locale = typeof document['locale'] === 'string' ? document['locale'] : 'en'
    return {
      prefix,
      pageUrl: `https://${domain}/`,
      quota: quotaOf(document['disk_quota']),
      versioning,
      actor: token === undefined ? {} : await actorOf(store, prefix, token),
      locale,
      firstDirectories: firstDirectories(locale, contextOf(textOf(document['context']) || undefined)),
      owner: async () => {
        const settings = await readDocument(store, { prefix, name: 'io.cozy.settings' }, 'io.cozy.settings.instance')
        return { displayName: textOf(settings?.value['public_name']), domain }
      },
    }
  }
}

/** What cozy-stack creates in a new instance: clients look for the first one by its reference, not by its name. */
function firstDirectories(
  locale: string,
  { init_administrative_folder = true, init_photos_folder = true }: ReturnType<NonNullable<DriveOptions['contextOf']>>,
): readonly FirstDirectory[] {
  const { administrative, photos } = directoryNames[locale.slice(0, 2).toLowerCase()] ?? directoryNames.en
  const referencedBy = [{ type: 'io.cozy.apps', id: 'io.cozy.apps/administrative' }]
  return [
    ...(init_administrative_folder ? [{ name: administrative, referencedBy }] : []),
    ...(init_photos_folder ? [{ name: photos }] : []),
  ]
}

interface DirectoryNames {
  readonly administrative: string
  readonly photos: string
}

const directoryNames: Readonly<Record<string, DirectoryNames>> & { readonly en: DirectoryNames } = {
  en: { administrative: 'Administrative', photos: 'Photos' },
  fr: { administrative: 'Administratif', photos: 'Photos' },
  es: { administrative: 'Administrativo', photos: 'Fotos' },
  de: { administrative: 'Verwaltung', photos: 'Fotos' },
}

/** Bytes: a number or a text of digits. 0, absent or unreadable: no quota. */
export function quotaOf(value: unknown): number | undefined {
  const bytes = typeof value === 'string' && !/^\d+$/.test(value) ? Number.NaN : Number(printed(value) ?? Number.NaN)
  return Number.isFinite(bytes) && bytes > 0 ? bytes : undefined
}

/** Numbers that a double cannot hold arrive as raw JSON text (`ParsedJson.exact`). */
function printed(value: unknown): unknown {
  if (typeof value === 'object' && value !== null && 'rawJSON' in value) return value.rawJSON
  return value
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
