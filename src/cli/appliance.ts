/** `hearth appliance ...`: for makers of appliance images. Keys, update packages and licences, without a running server. */
import { spawnSync } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { lstat, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { newAgeKeys } from '../appliance/age.ts'
import { writeDurably } from '../appliance/durable-file.ts'
import { parseUploadedObject } from '../appliance/json-upload.ts'
import { linesOf, makeLicense } from '../appliance/license.ts'
import { checkNetworkSettings } from '../appliance/network-settings.ts'
import { networkdFiles } from '../appliance/networkd.ts'
import { newSigningKeys } from '../appliance/signing-keys.ts'
import { makePackage, type PackageSource } from '../appliance/update/age-package.ts'
import { product } from '../appliance/update/update.ts'
import { parseVersion } from '../appliance/update/version.ts'
import { StartupError } from '../model/startup-error.ts'
import type { Output } from './output.ts'

/** The files of a folder of keys, each with who needs it. */
export const keyFiles = {
  secret: ['updates.signer', 'license.signer'],
  image: ['updates.identity', 'updates.signers', 'license.identity', 'license.pub'],
  maker: ['updates.recipient', 'license.recipient'],
} as const

const architectures = ['amd64', 'arm64', 'all'] as const

/** Adds the `appliance` commands. */
export function addApplianceCommands(program: Command, output: Output): void {
  const appliance = program
    .command('appliance')
    .description('for makers of appliance images: keys, update packages, licences')

  appliance
    .command('keygen <folder>')
    .description('make the keys that packages and licences are signed with and enciphered for; it overwrites nothing')
    .action(async (folder: string) => {
      await makeKeys(folder)
      output.err(
        `wrote ${folder}. Keep ${keyFiles.secret.join(' and ')} away from every machine; put ` +
          `${keyFiles.image.join(', ')} into etc of the appliance in the image\n`,
      )
    })

  appliance
    .command('package <folder> <file>')
    .description(
      'make an update package of everything in a folder; for Hearth itself the folder holds the program as `hearth`',
    )
    .requiredOption('--keys <folder>', 'where keygen put the keys')
    .requiredOption('--package-version <version>', 'the version that the package brings, such as 1.4.0')
    .option('--arch <arch>', `processor: ${architectures.join(', ')}`, 'all')
    .option('--product <name>', 'what the package is for', product)
    .option('--min-from <version>', 'the oldest version that may be updated')
    .option('--installer <path>', 'a script in the folder that installs it')
    .action(async (folder: string, file: string, options: PackageOptions) => {
      const source = await packageSource(folder, options)
      const secret = await keyOf(options.keys, 'updates.signer')
      const recipients = linesOf(await keyOf(options.keys, 'updates.recipient'))
      await write(file, await makePackage(source, { secret, recipients }))
      output.err(`wrote ${file}: version ${options.packageVersion}, ${source.files.length} files\n`)
    })

  appliance
    .command('apply-network', { hidden: true })
    .description(
      'write the network settings on standard input as files of systemd-networkd; the helper of the Debian package runs it',
    )
    .option('--root <folder>', 'write below this folder and reload nothing', '/')
    .action(({ root }: { root: string }) => applyNetwork(root, output))

  appliance
    .command('license <json> <file>')
    .description('make a licence of a JSON file with app, users, expires, name and contact')
    .requiredOption('--keys <folder>', 'where keygen put the keys')
    .action(async (json: string, file: string, { keys }: { keys: string }) => {
      const recipient = (await keyOf(keys, 'license.recipient')).trim()
      const license = await makeLicense(await readLicense(json), {
        secret: await keyOf(keys, 'license.signer'),
        recipient,
      })
      await writeFile(file, license, { flag: 'wx', mode: 0o644 }).catch(explained(file))
      output.err(`wrote ${file}\n`)
    })
}

/** Applies what comes on standard input; only root can. The files come first: what is not reloaded counts after a restart. */
async function applyNetwork(root: string, output: Output): Promise<void> {
  const chunks: Uint8Array[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array)
  const { network } = checkNetworkSettings(parseUploadedObject(Buffer.concat(chunks)), [])
  for (const [path, text] of Object.entries(networkdFiles(network))) {
    await mkdir(dirname(join(root, path)), { recursive: true, mode: 0o755 })
    await writeDurably(join(root, path), text, 0o644)
    output.out(`wrote /${path}\n`)
  }
  if (root !== '/') return
  for (const [program, ...args] of [
    ['hostname', network['hostname'] ?? ''],
    ['networkctl', 'reload'],
    ['systemctl', 'try-restart', 'systemd-timesyncd.service'],
  ]) {
    const done = spawnSync(program ?? '', args, { encoding: 'utf8', timeout: 30_000 })
    if (done.status !== 0) output.out(`${program} ${args.join(' ')}: ${done.stderr || done.error?.message}\n`)
  }
}

interface PackageOptions {
  readonly keys: string
  readonly packageVersion: string
  readonly arch: string
  readonly product: string
  readonly minFrom?: string
  readonly installer?: string
}

async function makeKeys(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  for (const use of ['updates', 'license'] as const) {
    const [signing, age] = [newSigningKeys(), await newAgeKeys()]
    const files: Record<string, string> = {
      [`${use}.signer`]: signing.secret,
      [use === 'updates' ? 'updates.signers' : 'license.pub']: signing.public,
      [`${use}.identity`]: age.identity,
      [`${use}.recipient`]: age.recipient,
    }
    for (const [name, text] of Object.entries(files)) {
      const secret = name.endsWith('.signer') || name.endsWith('.identity')
      const options = { flag: 'wx', mode: secret ? 0o600 : 0o644 }
      await writeFile(join(folder, name), `${text}\n`, options).catch(explained(join(folder, name)))
    }
  }
}

async function packageSource(folder: string, options: PackageOptions): Promise<PackageSource> {
  const { packageVersion: version, arch, minFrom, installer } = options
  for (const [name, value] of [
    ['--package-version', version],
    ['--min-from', minFrom],
  ] as const) {
    if (value !== undefined && parseVersion(value) === undefined) {
      throw new StartupError(`${name} ${value} is not a semantic version such as 1.4.0`)
    }
  }
  if (!architectures.some((one) => one === arch)) {
    throw new StartupError(`--arch ${arch} is not one of ${architectures.join(', ')}`)
  }
  const names = await readdir(folder, { recursive: true }).catch(explained(folder))
  const files = []
  for (const path of names.sort()) {
    const from = join(folder, path)
    const found = await lstat(from)
    if (found.isDirectory()) continue
    if (!found.isFile()) throw new StartupError(`${from} is not a regular file: packages hold nothing else`)
    files.push({ path, from, executable: (found.mode & 0o100) !== 0 })
  }
  if (installer !== undefined && !files.some(({ path }) => path === installer)) {
    throw new StartupError(`--installer ${installer} is not in ${folder}`)
  }
  if (installer === undefined && options.product === product) await refuseWithoutProgram(folder)
  return { product: options.product, version, arch, minFrom, installer, files }
}

async function refuseWithoutProgram(folder: string): Promise<void> {
  const program = await stat(join(folder, 'hearth')).catch(() => undefined)
  if (program !== undefined && (program.mode & 0o100) !== 0) return
  throw new StartupError(`${folder} holds no executable hearth; a package for something else needs --installer`)
}

async function keyOf(folder: string, name: string): Promise<string> {
  return (await readFile(join(folder, name), 'utf8').catch(explained(join(folder, name)))).trim()
}

async function readLicense(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8').catch(explained(file))
  try {
    return JSON.parse(text)
  } catch {
    throw new StartupError(`${file} is not JSON`)
  }
}

async function write(file: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const draft = `${file}.${process.pid}.unfinished`
  try {
    await pipeline(bytes, createWriteStream(draft, { flags: 'wx', mode: 0o644 }))
    await rename(draft, file)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}

/** Says which file it was. */
function explained(file: string): (error: unknown) => never {
  return (error) => {
    const reason = error instanceof Error ? error.message.replace(/,.*$/, '') : String(error)
    throw new StartupError(`${file}: ${reason}`, { cause: error })
  }
}
