/**
 * Builds the Debian package of a binary that was built before: `bun build/debian/package.ts [--arch amd64|arm64] [--out FILE]`.
 * Needs dpkg-deb. Both processors are built the same way on any machine, since nothing is compiled here.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { version } from '../../src/version.ts'

const here = import.meta.dirname
const root = resolve(here, '..', '..')

const binaries: Readonly<Record<string, string>> = { amd64: 'dist/hearth', arm64: 'dist/hearth-linux-arm64' }

/** Writes the package and gives its path. Throws with what dpkg-deb said when it cannot. */
export function buildPackage({ arch, out }: { readonly arch: string; readonly out: string }): string {
  const binary = join(root, binaries[arch] ?? '')
  if (binaries[arch] === undefined) throw new Error(`--arch ${arch}: use one of ${Object.keys(binaries).join(', ')}`)
  if (!existsSync(binary)) throw new Error(`${binary} is missing: npm run build makes it`)
  const tree = mkdtempSync(join(tmpdir(), 'hearth-deb-'))
  try {
    chmodSync(tree, 0o755)
    cpSync(join(here, 'root'), tree, { recursive: true })
    mkdirSync(join(tree, 'usr/bin'), { recursive: true })
    cpSync(binary, join(tree, 'usr/bin/hearth'))
    chmodSync(join(tree, 'usr/bin/hearth'), 0o755)
    writeFileSync(join(tree, 'usr/lib/hearth/version'), `${version}\n`)
    const documents = join(tree, 'usr/share/doc/hearth')
    mkdirSync(documents, { recursive: true })
    for (const name of ['README.md', 'LICENSE']) cpSync(join(root, name), join(documents, name))
    for (const script of ['start', 'hook-helper', 'hooks/settings-apply', 'hooks/reboot']) {
      chmodSync(join(tree, 'usr/lib/hearth', script), 0o755)
    }
    const control = join(tree, 'DEBIAN')
    mkdirSync(control)
    writeFileSync(join(control, 'control'), controlFile(arch))
    for (const script of ['postinst', 'prerm', 'postrm']) {
      cpSync(join(here, 'scripts', script), join(control, script))
      chmodSync(join(control, script), 0o755)
    }
    // Only what was not readable for others before is not: everything else is for everybody, whatever the umask here is.
    spawnSync('chmod', ['-R', 'u+rwX,go+rX,go-w', tree])
    const made = spawnSync('dpkg-deb', ['--root-owner-group', '-Zgzip', '-z1', '--build', tree, out], {
      encoding: 'utf8',
    })
    if (made.status !== 0) throw new Error(`dpkg-deb: ${made.stderr || made.error?.message}`)
    return out
  } finally {
    rmSync(tree, { recursive: true, force: true })
  }
}

function controlFile(arch: string): string {
  return `Package: hearth
Version: ${version}
Architecture: ${arch}
Maintainer: The Hearth developers <hearth@localhost>
Section: net
Priority: optional
Depends: libc6, init-system-helpers, passwd, perl-base, systemd
Description: personal cloud server in one binary
 Documents with CouchDB semantics on PostgreSQL, files in a folder or an S3
 bucket, and the administration of the machine that it runs on.
`
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Bun.argv.slice(2),
    options: { arch: { type: 'string', default: 'amd64' }, out: { type: 'string' } },
  })
  const out = resolve(root, values.out ?? `dist/hearth_${version}_${values.arch}.deb`)
  console.log(buildPackage({ arch: values.arch, out }))
}
