/** Content on its way into a folder: a file beside the trash, renamed into place when it is complete and on disk. */
import { constants, type Stats } from 'node:fs'
import { type FileHandle, lstat, open, unlink } from 'node:fs/promises'
import { type Stage, type StageRequest, stageFolder } from '../contract.ts'
import { DriverError } from '../error.ts'
import { onDisk } from './failures.ts'
import type { Folders } from './folders.ts'
import { renameExclusive, replace } from './publishing.ts'
import { readRange } from './reading.ts'
import { recordOf, recordOfPlaced } from './record.ts'

/** Copies the owner and the permissions of the file that is to be replaced: whoever could not read it still cannot. */
async function takeAfter(handle: FileHandle, model: Stats, isExecutable: boolean): Promise<void> {
  const { mode, uid, gid } = model
  const own = await handle.stat()
  // Only root may give files away.
  if (own.uid !== uid || own.gid !== gid) await handle.chown(uid, gid).catch(() => {})
  const readable = (mode & 0o444) >> 2
  await handle.chmod(isExecutable ? (mode & 0o777) | readable : mode & 0o666)
}

export async function openStage(
  folders: Folders,
  trashName: (trash: { key: string; name: string }) => string,
  key: string,
  request: StageRequest,
): Promise<Stage> {
  const { name, size, chunkBytes } = request
  const stageName = `${stageFolder}/${key}`
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW
  const handle: FileHandle = await onDisk(name, () => folders.making(stageName, ({ path }) => open(path, flags)))
  let isOpen = true
  const close = async () => {
    if (isOpen) await handle.close()
    isOpen = false
  }
  const { size: found } = await handle.stat()
  const staged = found === size ? size : Math.min(found - (found % chunkBytes), size)
  if (staged !== found) await handle.truncate(staged)

  return {
    staged,
    readBack: (start, end) => readRange(handle, name, start, end),
    write: (start, bytes) =>
      onDisk(name, async () => {
        let at = 0
        while (at < bytes.length) {
          const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, start + at)
          at += bytesWritten
        }
      }),
    commit: (expected, trash) =>
      onDisk(name, async () => {
        if ((await handle.stat()).size !== size) throw new DriverError('corrupt', `${name}: staged bytes are missing`)
        const seconds = Math.max(0, request.mtimeMs / 1000)
        await handle.utimes(seconds, seconds)
        const model = expected === undefined ? undefined : await folders.at(name, ({ path }) => lstat(path))
        if (model !== undefined) await takeAfter(handle, model, request.executable)
        else if (request.executable) await handle.chmod(0o777 & ~process.umask())
        await handle.sync()
        const { fingerprint } = recordOf(name, await handle.stat({ bigint: true }))
        await close()
        return folders.at(stageName, (stage) =>
          folders.making(name, async (target) => {
            if (expected === undefined) await renameExclusive(stage.path, target.path, name)
            else {
              await folders.making(trashName(trash), async (aside) => {
                await replace(stage.path, target.path, aside.path, { name, expected })
                await aside.sync()
              })
            }
            await target.sync()
            return recordOfPlaced(name, fingerprint, await lstat(target.path, { bigint: true }))
          }),
        )
      }),
    async abort() {
      await close()
      await onDisk(name, () => folders.at(stageName, ({ path }) => unlink(path))).catch(() => {})
    },
    close,
  }
}
