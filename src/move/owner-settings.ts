/** What an import or a move says in the settings of the owner. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { readDocument, writeDocument } from '../instances/own-documents.ts'
import { settingsDoctype, settingsId } from '../instances/records.ts'
import { Problem } from '../model/errors.ts'
import type { Json } from '../model/json/value.ts'
import { orWithoutDatabase } from '../model/no-database.ts'

type Store = Pick<DocumentStore, 'read' | 'write' | 'createDatabase'>

const tries = 10

/** Sets members; `undefined` removes one. Nothing is written when nothing changes. @throws Problem `conflict` */
export async function changeOwnerSettings(
  store: Store,
  { prefix }: { readonly prefix: string },
  members: Readonly<Record<string, Json | undefined>>,
): Promise<void> {
  const ref = { prefix, name: settingsDoctype }
  for (let attempt = 0; attempt < tries; attempt++) {
    const known = await orWithoutDatabase(readDocument(store, ref, settingsId), undefined)
    if (Object.entries(members).every(([name, value]) => known?.value[name] === value)) return
    await store.createDatabase(ref)
    const merged = Object.entries({ ...known?.value, ...members })
    const value = Object.fromEntries(merged.filter((entry): entry is [string, Json] => entry[1] !== undefined))
    if ((await writeDocument(store, { ref, id: settingsId, value, parent: known })) === 'ok') return
  }
  throw new Problem('conflict', 'Document update conflict.')
}
