/** One SFTP session with promises, over a connection to the server whose key is known. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { Client, type FileEntryWithStats, type SFTPWrapper, type Stats } from 'ssh2'
import { DriverError, type DriverErrorCode } from '../error.ts'

export interface SftpAddress {
  readonly host: string
  readonly port: number
  readonly username: string
  readonly password?: string | undefined
  readonly privateKey?: string | undefined
  /** `SHA256:...` as `ssh-keygen -l` prints it, or the line of a `known_hosts` file without the name. */
  readonly hostKey: string
}

export interface Session {
  lstat(path: string): Promise<Stats | undefined>
  readdir(path: string): Promise<FileEntryWithStats[]>
  open(path: string, flags: 'r' | 'r+' | 'w' | 'wx'): Promise<Buffer>
  read(handle: Buffer, size: number, at: number): Promise<Buffer>
  write(handle: Buffer, bytes: Buffer, at: number): Promise<void>
  sync(handle: Buffer): Promise<void>
  setTimes(path: string, seconds: number): Promise<void>
  chmod(path: string, mode: number): Promise<void>
  close(handle: Buffer): Promise<void>
  /** Fails where something is. */
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  mkdir(path: string): Promise<void>
  rmdir(path: string): Promise<void>
  end(): void
}

const connectMs = 15_000

/** @throws DriverError `options` for another host key or refused credentials, `unavailable` for everything else */
export async function openSession(address: SftpAddress): Promise<Session> {
  const client = new Client()
  let isOther = false
  await new Promise<void>((resolve, reject) => {
    client.once('ready', resolve)
    client.on('error', (error) => {
      const isRefused = 'level' in error && error.level === 'client-authentication'
      const why = isOther
        ? 'the server has another host key'
        : isRefused
          ? 'the server refuses the credentials'
          : error.message
      reject(new DriverError(isOther || isRefused ? 'options' : 'unavailable', why, { cause: error }))
    })
    client.connect({
      host: address.host,
      port: address.port,
      username: address.username,
      ...(address.password === undefined ? {} : { password: address.password }),
      ...(address.privateKey === undefined ? {} : { privateKey: address.privateKey }),
      readyTimeout: connectMs,
      keepaliveInterval: 10_000,
      hostVerifier: (key: Buffer) => {
        isOther = !isKey(address.hostKey, key)
        return !isOther
      },
    })
  })
  const sftp = await new Promise<SFTPWrapper>((resolve, reject) => {
    client.sftp((error, opened) => (error === undefined ? resolve(opened) : reject(failure('the session', error))))
  })
  return wrap(client, sftp)
}

function isKey(wanted: string, key: Buffer): boolean {
  if (wanted.startsWith('SHA256:')) {
    const digest = Buffer.from(`SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`)
    const presented = Buffer.from(wanted.trim().replace(/=+$/, ''))
    return digest.length === presented.length && timingSafeEqual(digest, presented)
  }
  return wanted.trim().split(/\s+/).includes(key.toString('base64'))
}

function wrap(client: Client, sftp: SFTPWrapper): Session {
  // One for each request under way.
  client.setMaxListeners(0)
  let lost: DriverError | undefined
  client.on('close', () => {
    lost = new DriverError('unavailable', 'the connection is closed')
  })
  type Done<T> = (error: Error | null | undefined, value?: T) => void
  function call<T>(path: string, work: (done: Done<T>) => unknown): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (lost !== undefined) return reject(lost)
      const end = () => reject(new DriverError('unavailable', `${path}: the connection was closed`))
      client.once('close', end)
      work((error, value) => {
        client.off('close', end)
        if (error) reject(failure(path, error))
        else resolve(value as T)
      })
    })
  }
  return {
    lstat: (path) =>
      call<Stats>(path, (done) => sftp.lstat(path, done)).catch((error: unknown) => {
        if (error instanceof DriverError && error.code === 'not_found') return undefined
        throw error
      }),
    readdir: (path) => call(path, (done) => sftp.readdir(path, done)),
    open: (path, flags) => call(path, (done) => sftp.open(path, flags, done)),
    read: (handle, size, at) =>
      call('a file', (done) => {
        const buffer = Buffer.alloc(size)
        sftp.read(handle, buffer, 0, size, at, (error, count) => done(error, buffer.subarray(0, count)))
      }),
    write: (handle, bytes, at) => call('a file', (done) => sftp.write(handle, bytes, 0, bytes.length, at, done)),
    // Not every server offers it.
    sync: (handle) => call<void>('a file', (done) => sftp.ext_openssh_fsync(handle, done)).catch(() => {}),
    setTimes: (path, seconds) => call(path, (done) => sftp.utimes(path, seconds, seconds, done)),
    chmod: (path, mode) => call(path, (done) => sftp.chmod(path, mode, done)),
    close: (handle) => call('a file', (done) => sftp.close(handle, done)),
    rename: (from, to) => call(to, (done) => sftp.rename(from, to, done)),
    unlink: (path) => call(path, (done) => sftp.unlink(path, done)),
    mkdir: (path) => call(path, (done) => sftp.mkdir(path, done)),
    rmdir: (path) => call(path, (done) => sftp.rmdir(path, done)),
    end: () => void client.end(),
  }
}

/** Status codes of SFTP version 3 (draft-ietf-secsh-filexfer-02, section 7). */
const codes: Readonly<Record<number, DriverErrorCode>> = { 2: 'not_found', 3: 'permission', 4: 'exists', 8: 'name' }

function failure(path: string, error: Error): DriverError {
  const status = 'code' in error ? Number(error.code) : Number.NaN
  return new DriverError(codes[status] ?? 'unavailable', `${path}: ${error.message}`, { cause: error })
}
