/** The workers that jobs and triggers may name. A name is known whether or not this server does the work. */

interface KnownWorker {
  /** Only the server and its command line may push to it. */
  readonly reserved: boolean
}

const open: KnownWorker = { reserved: false }
const reserved: KnownWorker = { reserved: true }

const known: ReadonlyMap<string, KnownWorker> = new Map([
  ['antivirus', open],
  ['export', open],
  ['import', open],
  ['konnector', open],
  ['log', open],
  ['push', open],
  ['sendmail', open],
  ['service', open],
  ['unzip', open],
  ['updates', open],
  ['zip', open],
  ['clean-clients', reserved],
  ['clean-old-trashed', reserved],
  ['migrations', reserved],
  ['move-deadline', reserved],
  ['notes-save', reserved],
  ['rag-index', reserved],
  ['rag-query', reserved],
  ['share-group', reserved],
  ['share-replicate', reserved],
  ['share-track', reserved],
  ['share-upload', reserved],
  ['sms', reserved],
  ['thumbnail', reserved],
  ['thumbnailck', reserved],
  ['trash-files', reserved],
])

/** The worker whose jobs a client does and reports: no process takes them from the queue. */
export const clientWorker = 'client'

/** Names of all workers that a server could run. */
export const knownWorkers: readonly string[] = [...known.keys()]

export function isKnownWorker(name: string): boolean {
  return known.has(name)
}

/** True for workers that only the server and its command line may push to. */
export function isReservedWorker(name: string): boolean {
  return known.get(name)?.reserved ?? false
}

/** Workers whose jobs run even while the terms of service are not signed. */
export const runsWithoutTerms: ReadonlySet<string> = new Set(['sendmail', 'migrations', 'move-deadline'])
