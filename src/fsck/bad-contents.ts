/**
 * Contents that differ from their documents, remembered for clients that ask often. They are kept in a local
 * document beside the files: no client lists or replicates it, and it goes when the instance goes.
 */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { filesDoctype } from '../../storage/files/contract.ts'
import type { ObjectStore } from '../../storage/objects/contract.ts'
import { parseJson } from '../model/json/exact.ts'
import { isObject, type Json } from '../model/json/value.ts'
import { isNoDatabase, orWithoutDatabase } from '../model/no-database.ts'
import { checkContents } from './content-check.ts'
import { checkedDocuments } from './documents.ts'
import { lineOf } from './finding.ts'

const keptId = '_local/hearth-bad-contents'
/** Three months. */
const keptMs = 90 * 24 * 60 * 60 * 1000
/** More than this is found again each time. */
const maxCharacters = 4_000_000

export interface KeptParts {
  readonly store: DocumentStore
  readonly objects: ObjectStore
  /** Unix time in milliseconds. */
  readonly now: () => number
}

/** One line of JSON for each; none for an instance without files. */
export async function* keptBadContents(
  { store, objects, now }: KeptParts,
  prefix: string,
  { fresh, signal }: { readonly fresh: boolean; readonly signal: AbortSignal },
): AsyncGenerator<string, void> {
  const ref = { prefix, name: filesDoctype }
  const kept = fresh ? undefined : await read(store, prefix, now())
  if (kept !== undefined) {
    yield* kept
    return
  }
  const since = now()
  const lines: string[] = []
  let characters = 0
  const documents = checkedDocuments(store, prefix, signal)
  try {
    for await (const finding of checkContents({ documents, objects, prefix, hash: false, signal })) {
      if (finding.type !== 'content_mismatch') continue
      const line = lineOf(finding)
      characters += line.length
      if (characters <= maxCharacters) lines.push(line)
      yield line
    }
  } catch (error) {
    if (isNoDatabase(error)) return
    throw error
  }
  const text = characters <= maxCharacters ? JSON.stringify({ since, lines }) : undefined
  await orWithoutDatabase(store.writeLocal(ref, { id: keptId, text }), undefined)
}

/** Forgets what is remembered of an instance. */
export async function forgetBadContents(store: Pick<DocumentStore, 'writeLocal'>, prefix: string): Promise<void> {
  await orWithoutDatabase(store.writeLocal({ prefix, name: filesDoctype }, { id: keptId, text: undefined }), undefined)
}

async function read(store: DocumentStore, prefix: string, now: number): Promise<readonly string[] | undefined> {
  const local = await orWithoutDatabase(store.readLocal({ prefix, name: filesDoctype }, keptId), undefined)
  if (local === undefined) return undefined
  const { value } = parseJson(local.text)
  if (!isObject(value)) return undefined
  const { since, lines } = value
  if (typeof since !== 'number' || now - since > keptMs || !Array.isArray(lines)) return undefined
  const texts = lines.filter((line: Json): line is string => typeof line === 'string')
  // A client may write local documents: what it wrote here would become a part of our answer.
  return texts.every(isObjectText) ? texts : undefined
}

function isObjectText(text: string): boolean {
  try {
    return isObject(JSON.parse(text))
  } catch {
    return false
  }
}
