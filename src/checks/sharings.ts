/** The sharings of an instance: how they are set up, and whether files agree with those of members on this server. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { type OwnDocument, readDocument, scanDocuments, scanExisting } from '../instances/own-documents.ts'
import type { Instance } from '../instances/service.ts'
import { isObject } from '../model/json/value.ts'
import { type CheckFinding, findingsOf } from './finding.ts'
import { domainIn, filesRule, parentDomain, type Sharing, sharingOf } from './sharing.ts'
import { checkCredentials, checkMembers, checkRules, checkSharingTriggers } from './sharing-setup.ts'
import { compareTrees, type FilesOf, readFilesOf } from './sharing-tree.ts'

export interface SharingCheckOptions {
  readonly store: Pick<DocumentStore, 'scanIds' | 'databaseInfo' | 'read'>
  /** The instance of a domain on this server. */
  readonly find: (domain: string) => Promise<Instance | undefined>
  /** Leave out the comparison of the trees. */
  readonly skipTrees: boolean
  readonly now: number
}

/** Everything that is wrong with the sharings of an instance. Those that it does not own are compared by their owners. */
export function checkSharings(instance: Instance, options: SharingCheckOptions): Promise<readonly CheckFinding[]> {
  const { store, find } = options
  return findingsOf(async () => {
    const documents: OwnDocument[] = []
    const of = (name: string) => ({ prefix: instance.prefix, name })
    for await (const document of scanExisting(store, of('io.cozy.sharings'))) documents.push(document)
    const triggers = new Set<string>()
    for await (const { id } of scanDocuments(store, of('io.cozy.triggers'))) triggers.add(id)
    const around = {
      domain: instance.domain,
      hasInstance: async (domain: string) => (await find(domain)) !== undefined,
      hasTrigger: (id: string) => triggers.has(id),
    }
    const trees = newTrees(store)
    const found: CheckFinding[] = []
    for (const document of documents) {
      const sharing = sharingOf(document)
      const rules = checkRules(sharing)
      const setup = rules.length > 0 ? rules : await checkSetup(sharing)
      found.push(...setup)
      if (setup.length === 0 && sharing.owner && sharing.active) {
        found.push(...(await checkContents(instance, sharing, trees, options)))
      }
    }
    return found

    async function checkSetup(sharing: Sharing): Promise<CheckFinding[]> {
      return [
        ...(await checkMembers(sharing, around)),
        ...checkSharingTriggers(sharing, around),
        ...checkCredentials(sharing),
      ]
    }
  })
}

type Trees = (instance: Instance) => Promise<FilesOf>

function newTrees(store: SharingCheckOptions['store']): Trees {
  const known = new Map<string, Promise<FilesOf>>()
  return (instance) => {
    const files = known.get(instance.id) ?? readFilesOf(store, instance)
    known.set(instance.id, files)
    return files
  }
}

async function checkContents(
  instance: Instance,
  sharing: Sharing,
  trees: Trees,
  { store, find, skipTrees, now }: SharingCheckOptions,
): Promise<CheckFinding[]> {
  const { id, members, initialSync } = sharing
  const rule = filesRule(sharing)
  const root = rule?.values[0]
  if (rule === undefined || root === undefined) return []
  const found: CheckFinding[] = [...(await nested(store, instance, id, root))]
  const isReadOnly = rule.add !== 'sync' && rule.update !== 'sync' && rule.remove !== 'sync'
  const ready = members.flatMap((member, index) => (index > 0 && member.status === 'ready' ? [member] : []))
  if (initialSync || isReadOnly || ready.length === 0) return found
  const mine = await trees(instance)
  if (mine.below(root) === undefined) {
    return [...found, { type: 'missing_matching_docs_for_owner', id, error: 'file does not exist' }]
  }
  for (const { instance: url } of ready) {
    const domain = domainIn(url)
    const other = domain === undefined ? undefined : await find(domain)
    // Only members on this server can be checked; missing ones have been reported before.
    if (other === undefined || parentDomain(other.domain) === '') continue
    found.push(...(await checkMember(other)))
  }
  return found

  async function checkMember(other: Instance): Promise<CheckFinding[]> {
    const member = other.domain
    const document = await readDocument(store, { prefix: other.prefix, name: 'io.cozy.sharings' }, id)
    if (document === undefined) {
      const error = 'CouchDB(not_found): missing'
      return [{ type: 'missing_sharing_for_member', id, member, error }]
    }
    const theirs = sharingOf(document)
    const theirRoot = filesRule(theirs)?.values[0]
    if (theirRoot === undefined) return [{ type: 'missing_files_rule_for_member', id, member }]
    const wrong = [...(await nested(store, other, id, theirRoot))]
    const [credential, ...more] = theirs.credentials
    if (credential === undefined || more.length > 0) {
      const nb_members = theirs.credentials.length
      return [...wrong, { type: 'invalid_number_of_credentials', id, instance: member, nb_members }]
    }
    const files = await trees(other)
    if (files.below(theirRoot) === undefined) {
      return [...wrong, { type: 'missing_matching_docs_for_member', id, member, error: 'file does not exist' }]
    }
    if (skipTrees) return wrong
    const self = [...members, ...theirs.members].filter(({ instance: url }) => domainIn(url) === member)
    return [
      ...wrong,
      ...compareTrees({
        sharingId: id,
        owner: mine,
        ownerRoot: root as string,
        member: files,
        memberRoot: theirRoot,
        readOnly: self.some(({ readOnly }) => readOnly),
        key: credential.xorKey,
        now,
      }),
    ]
  }
}

/** Whether the shared root is itself a document of another active sharing of files. */
async function nested(
  store: SharingCheckOptions['store'],
  { prefix, domain }: Instance,
  id: string,
  root: string,
): Promise<CheckFinding[]> {
  const shared = await readDocument(store, { prefix, name: 'io.cozy.shared' }, `io.cozy.files/${root}`)
  const infos = shared?.value['infos']
  if (!isObject(infos)) return []
  const found: CheckFinding[] = []
  for (const [parent, info] of Object.entries(infos)) {
    if (parent === id || (isObject(info) && info['removed'] === true)) continue
    const document = await readDocument(store, { prefix, name: 'io.cozy.sharings' }, parent)
    if (document === undefined) continue
    const other = sharingOf(document)
    if (!other.active || filesRule(other) === undefined) continue
    found.push({ type: 'sharing_in_sharing', id, instance: domain, parent_sharing: parent })
  }
  return found
}
