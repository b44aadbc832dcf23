/** Updates: a package is opened, compared, installed beside what runs, and confirmed or taken back. */
import { chmod, mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isAge } from '../age.ts'
import type { ApplianceConfig } from '../configuration.ts'
import { runContained } from '../contained-process.ts'
import { codeOf, readIfThere } from '../durable-file.ts'
import type { Facts } from '../facts.ts'
import { reach } from '../failpoints.ts'
import type { HookResult, Hooks } from '../hooks.ts'
import { linesOf } from '../license.ts'
import type { Places } from '../places.ts'
import { HandedOver, type Procedure, ProcedureFailure, type Run } from '../procedures.ts'
import { openAgePackage } from './age-package.ts'
import { openOpensslPackage, opensslMark } from './openssl-package.ts'
import { type OpenedPackage, PackageError, type PackageStep } from './package.ts'
import type { Releases } from './releases.ts'
import { compareVersions, parseVersion } from './version.ts'

export interface Update {
  /** Begins the claimed update with an uploaded package. */
  begin(upload: { readonly path: string; readonly size: number }): Promise<void>
  readonly procedure: Procedure
}

export interface UpdateOptions {
  readonly places: Places
  readonly hooks: Hooks
  readonly config: () => ApplianceConfig
  readonly procedure: Procedure
  readonly facts: Facts
  readonly releases: Releases
  /** Ends this process so that the new version is started; resolves to false where nothing would start it again. */
  readonly restart: () => Promise<boolean>
}

/** What packages of ours are for. */
export const product = 'hearth'
const installerMs = 3_600_000

/** Opens the updates. */
export function openUpdate(options: UpdateOptions): Update {
  const { procedure, places } = options
  return {
    procedure,
    async begin({ path, size }) {
      await procedure.start(
        async (run) => {
          const work = join(places.staging, `update-${run.job}`)
          await run.log.line('Updating system. Please wait..')
          try {
            await mkdir(work, { recursive: true, mode: 0o700 })
            await update(options, run, path, size, work)
            await run.log.line('Updating system successful')
          } catch (error) {
            if (error instanceof HandedOver) throw error
            if (error instanceof ProcedureFailure) await run.log.line(error.message)
            await run.log.line('Failed updating system. Cleaning up..')
            throw error
          } finally {
            await rm(work, { recursive: true, force: true })
            await rm(path, { force: true })
          }
        },
        { percentage: 10 },
      )
    },
  }
}

async function update(options: UpdateOptions, run: Run, path: string, size: number, work: string): Promise<void> {
  await run.progress(20)
  if (size === 0) throw new ProcedureFailure('Missing update package', 'E1003')
  await run.progress(30)
  const opened = await openAny(options, run, path, work)
  await run.progress(60)
  const from = await options.facts.version()
  await refuseVersion(options, opened, from)
  const folder = join(work, 'content')
  await mkdir(folder, { mode: 0o755 })
  try {
    await opened.unpack(folder)
  } catch (error) {
    throw asFailure(error)
  }
  await reach('update:unpacked')
  await run.progress(70)
  await install(options, run, opened, folder, from)
}

async function openAny(options: UpdateOptions, run: Run, path: string, work: string): Promise<OpenedPackage> {
  const { places, config } = options
  const steps: Record<PackageStep, number> = { deciphered: 40, verified: 50 }
  const step = async (name: PackageStep) => {
    await reach(name === 'deciphered' ? 'update:decrypted' : 'update:verified')
    await run.progress(steps[name])
  }
  const start = await firstBytes(path)
  try {
    if (isAge(start)) {
      const identities = linesOf(await readIfThere(join(places.etc, 'updates.identity')))
      const signers = [...config().update.signers, ...linesOf(await readIfThere(join(places.etc, 'updates.signers')))]
      if (identities.length === 0) throw new PackageError('Error decrypting software update package: there is no key')
      return await openAgePackage(path, work, { identities, signers }, step)
    }
    if (start.toString('latin1').startsWith(opensslMark)) {
      const passphrase = (await readIfThere(join(places.etc, 'updates.key')))?.split('\n')[0]?.replace(/\r$/, '')
      const publicKey = await readIfThere(join(places.etc, 'updates.pub'))
      if (passphrase === undefined || publicKey === undefined) {
        throw new PackageError('Error decrypting software update package: there is no key')
      }
      return await openOpensslPackage(
        path,
        work,
        { passphrase, publicKey, legacyMd5: config().update.legacy_md5 },
        step,
      )
    }
    throw new PackageError('Error decrypting software update package')
  } catch (error) {
    throw asFailure(error)
  }
}

function asFailure(error: unknown): unknown {
  if (error instanceof PackageError) return new ProcedureFailure(error.message, 'E1005', { cause: error })
  if (codeOf(error) === 'ENOSPC')
    return new ProcedureFailure('There is not enough room on the disk', 'E1002', { cause: error })
  return error
}

async function refuseVersion(
  { config, releases }: UpdateOptions,
  { version, product: of, arch, minFrom }: OpenedPackage,
  installed: string | undefined,
): Promise<void> {
  const { allow_unversioned, allow_downgrade } = config().update
  const refuse = (reason: string) => new ProcedureFailure(`software update package ${reason}`, 'E1001')
  if (of !== undefined && of !== product) throw refuse(`is for ${of}, not for ${product}`)
  const own = { x64: 'amd64', arm64: 'arm64' }[process.arch as string] ?? process.arch
  if (arch !== undefined && arch !== own && arch !== 'all') throw refuse(`is for ${arch}, and this is ${own}`)
  const offered = parseVersion(version)
  if (offered === undefined) {
    if (version === undefined && allow_unversioned) return
    throw refuse(
      version === undefined ? 'has no version' : `has the version ${version}, which is not a semantic version`,
    )
  }
  const known = parseVersion(installed)
  const least = parseVersion(minFrom)
  if (known !== undefined) {
    const difference = compareVersions(offered, known)
    if (difference === 0) throw refuse(`v${version} already up-to-date.`)
    if (difference < 0 && !allow_downgrade) throw refuse(`v${version} is too old.`)
  }
  if (least !== undefined && (known === undefined || compareVersions(known, least) < 0)) {
    throw refuse(`v${version} can be installed from v${minFrom} on`)
  }
  const floor = parseVersion(await releases.floor())
  if (floor !== undefined && !allow_downgrade && compareVersions(offered, floor) < 0) {
    throw refuse(`v${version} is older than a version that was installed before`)
  }
}

/** By the hook of the image, by the package's own script, or beside what runs. */
async function install(
  options: UpdateOptions,
  run: Run,
  opened: OpenedPackage,
  folder: string,
  from: string | undefined,
): Promise<void> {
  const { hooks } = options
  const byHook = await hooks.run('update-install', {
    job: run.job,
    input: { package_dir: folder, manifest: opened.manifest, from: from ?? null, to: opened.version ?? null },
    ...(opened.version !== undefined && { newVersion: opened.version }),
    onLine: (line) => void run.log.raw(line),
    onProgress: (percentage) => void run.progress(70 + Math.floor(percentage / 10)),
    signal: run.signal,
  })
  if (byHook !== undefined) {
    await run.progress(80)
    refuseFailed(byHook)
    if (byHook.rebootRequired) await run.log.line('The machine must be restarted for the update to take effect')
    return
  }
  if (opened.installer !== undefined) return runInstaller(options, run, opened.installer, folder)
  if (opened.product !== product || opened.version === undefined) {
    await run.log.line('No update script found, skipping.')
    return
  }
  await installBeside(options, run, folder, opened.version)
}

function refuseFailed({ outcome, code, message }: HookResult): void {
  if (outcome === 'failed') throw new ProcedureFailure(message ?? 'Error running update', code)
}

/** Runs a signed script with `sh`, contained. What it leaves in the status files of the older appliance is what it says. */
async function runInstaller({ places }: UpdateOptions, run: Run, script: string, folder: string): Promise<void> {
  // The script finds the folder of the appliance two levels above its own.
  const place = join(places.root, 'staging', `run-${run.job}`)
  const messageFile = join(places.etc, 'status_error_message.txt')
  const codeFile = join(places.etc, 'status_error_code.txt')
  await rm(messageFile, { force: true })
  await rm(codeFile, { force: true })
  await rename(folder, place)
  try {
    await chmod(join(place, script), 0o700)
    await run.log.raw(`Starting update at: ${new Date().toUTCString()}`)
    const end = await runContained({
      program: '/bin/sh',
      args: [join(place, script)],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', JIDO_ADMIN_PATH: places.root, JIDO_JOB: run.job },
      cwd: place,
      input: '',
      timeoutMs: installerMs,
      graceMs: 10_000,
      maxOutputBytes: 8 * 1024 ** 2,
      signal: run.signal,
      onLine: (line) => void run.log.raw(line),
    })
    await run.progress(80)
    if (end.kind === 'exit' && end.code === 0) {
      await run.log.raw(`Completed update at: ${new Date().toUTCString()}`)
      return
    }
    const message = (await readIfThere(messageFile))?.split('\n')[0]?.trim() || 'Error running update'
    const said = (await readIfThere(codeFile))?.trim() ?? ''
    throw new ProcedureFailure(message, /^E100[0-5]$/.test(said) ? said : 'E1002')
  } finally {
    await rm(place, { recursive: true, force: true })
  }
}

/** Makes the new version current, on trial, and starts it. Where nothing would restart the server, it is used from the next start. */
async function installBeside(
  { releases, restart }: UpdateOptions,
  run: Run,
  folder: string,
  version: string,
): Promise<void> {
  const program = join(folder, 'hearth')
  const said: string[] = []
  const end = await runContained({
    program,
    args: ['version'],
    env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', HOME: folder },
    cwd: folder,
    input: '',
    timeoutMs: 30_000,
    graceMs: 1_000,
    maxOutputBytes: 65_536,
    onLine: (line) => void said.push(line),
  })
  if (end.kind !== 'exit' || end.code !== 0) {
    for (const line of said.slice(0, 20)) await run.log.raw(line)
    throw new ProcedureFailure('The new version does not start on this machine', 'E1002')
  }
  await releases.install(folder, version, run.job)
  await run.progress(80)
  await run.log.line(`Version ${version} is installed beside the one that runs`)
  if (await restart()) {
    await run.progress(90)
    await run.log.line('Restarting into the new version')
    throw new HandedOver()
  }
  await run.log.line('Nothing restarts this server automatically: the new version runs from its next start')
  const trial = await releases.trial()
  if (trial !== undefined) await releases.confirm(trial)
}

async function firstBytes(path: string): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(64), 0, 64, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
