/** The virtual file system over a store of documents and a store of bytes: composes the parts of this folder. */
import type { FileStore } from '../../storage/files/contract.ts'
import type { ObjectStore } from '../../storage/objects/contract.ts'
import type { Log } from '../log.ts'
import { storedName } from '../model/object-name.ts'
import { changeNode } from './change.ts'
import { copyFile, keepVersion } from './copy.ts'
import { createDirectory, createDirectoryAt, sharedDrivesDirectory } from './create-directory.ts'
import { Drives } from './drives.ts'
import { Leases } from './leases.ts'
import { checkName } from './names.ts'
import type { FileNode } from './node.ts'
import { fileNotFound } from './problems.ts'
import { newReading } from './reading.ts'
import { addReferences, removeReferences } from './references.ts'
import type { Files, Version } from './service.ts'
import { Sweeper } from './sweeper.ts'
import { destroyNode, emptyTrash, restoreNode, trashNode } from './trash.ts'
import { createFile, overwrite } from './upload.ts'
import { deleteAllVersions, deleteVersion, findVersion, revert, tagVersion, versionsOf } from './versions.ts'

export interface FilesOptions {
  readonly store: FileStore
  readonly objects: ObjectStore
  readonly log: Log
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

export function openFiles({ store, objects, log, now = Date.now }: FilesOptions): Files {
  const { ledger } = store
  const sweeper = new Sweeper({ ledger, objects, log })
  const leases = new Leases(ledger, log)
  const tree = new Drives({ store, now, reclaim: (discarded) => sweeper.reclaim(discarded) })

  async function giveUp(object: string): Promise<void> {
    try {
      await ledger.renew([object], 0)
      await sweeper.reclaim([object])
    } catch (error) {
      log.warning('an object was left to the sweeper', { object, error })
    }
  }
  const uploading = { tree, now, objects, leases, giveUp }

  return {
    ...newReading(tree),
    prepare: (drive) => tree.prepare(drive),

    async open(drive, content, range) {
      const found = await objects.get(nameOf(drive.prefix, content), range)
      if (found === undefined) throw fileNotFound()
      return found
    },

    async createDirectory(drive, directory) {
      checkName(directory.name)
      return tree.change(drive, (work) => createDirectory(work, directory))
    },
    createDirectoryAt: (drive, path, options) => tree.change(drive, (work) => createDirectoryAt(work, path, options)),
    sharedDrives: (drive) => tree.change(drive, sharedDrivesDirectory),
    createFile: (drive, file, body) => createFile(uploading, drive, file, body),
    overwrite: (drive, id, content, body) => overwrite(uploading, drive, id, content, body),
    copy: (drive, id, to) => copyFile(uploading, drive, id, to),
    change: (drive, id, changes) => tree.change(drive, (work) => changeNode(work, id, changes)),

    async trash(drive, id, ifMatch) {
      const owner = await drive.owner?.()
      return tree.change(drive, (work) => trashNode(work, id, { ifMatch, owner }))
    },
    restore: (drive, id) => tree.change(drive, (work) => restoreNode(work, id)),
    destroy: (drive, id, options) => tree.change(drive, (work) => destroyNode(work, id, options)),
    emptyTrash: (drive) => tree.change(drive, emptyTrash),

    versions: async (drive, fileId) => versionsOf(await tree.reader(drive), fileId),
    version: async (drive, fileId, internalId) => findVersion(await tree.reader(drive), fileId, internalId),
    revert: (drive, fileId, internalId) => tree.change(drive, (work) => revert(work, fileId, internalId)),
    keepVersion: (drive, fileId, description) => keepVersion(uploading, drive, fileId, description),
    tagVersion: (drive, fileId, internalId, tags) =>
      tree.change(drive, (work) => tagVersion(work, fileId, internalId, tags)),
    deleteVersion: (drive, fileId, internalId) => tree.change(drive, (work) => deleteVersion(work, fileId, internalId)),
    deleteAllVersions: (drive) => deleteAllVersions(tree, drive),

    addReferences: (drive, id, references) => tree.change(drive, (work) => addReferences(work, id, references)),
    removeReferences: (drive, id, references) => tree.change(drive, (work) => removeReferences(work, id, references)),

    sweep: () => sweeper.sweep(),
    async close() {
      leases.close()
      await sweeper.close()
    },
  }
}

function nameOf(prefix: string, content: FileNode | Version): string {
  const fileId = 'fileId' in content ? content.fileId : content.id
  return storedName(prefix, fileId, content.internalId)
}
