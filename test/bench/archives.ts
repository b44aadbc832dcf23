/** Export and import by the command line beside `zip -0` and `unzip` of the same files on the same disk, by turns. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Account, newAccount } from '../move/account.ts'
import { runHearth, startServer, type TestServer } from '../support/server.ts'

const count = 400
const fileBytes = 1024 ** 2
const documents = 20_000
const rounds = 3
const total = count * fileBytes

/** MB/s of both, and documents a second. */
export async function benchArchives(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'hearth-bench-archives-'))
  const server = await startServer()
  const hearth = async (...args: string[]) => {
    const env = { HEARTH_ADMIN_URL: server.adminUrl, HEARTH_ADMIN_PASSPHRASE: server.passphrase }
    const { code, stderr } = await runHearth(args, { env })
    if (code !== 0) throw new Error(`hearth ${args.join(' ')}: ${stderr}`)
  }
  const timed = async (work: () => unknown) => {
    const began = performance.now()
    await work()
    return (performance.now() - began) / 1000
  }
  try {
    const tree = join(folder, 'tree')
    const files = await filledFrom(server, tree)
    const many = await filledWithDocuments(server)
    const target = await newAccount(server, 'target.bench.test')
    const taken: Record<'zip' | 'export' | 'unzip' | 'import', number[]> = {
      zip: [],
      export: [],
      unzip: [],
      import: [],
    }
    const [packed, unpacked, parts] = ['tree.zip', 'unpacked', 'parts'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    // Hearth has its bytes on disk when it says so: the others must, too.
    const onDisk = (program: string, args: readonly string[]) => {
      execFileSync(program, args, { cwd: tree, maxBuffer: 1024 ** 3 })
      execFileSync('sync', ['-f', folder])
    }
    for (let round = 0; round < rounds; round += 1) {
      for (const path of [packed, unpacked, parts]) rmSync(path, { recursive: true, force: true })
      taken.zip.push(await timed(() => onDisk('zip', ['-0', '-q', '-r', packed, '.'])))
      taken.export.push(await timed(() => hearth('export', files.domain, '-o', parts)))
      taken.unzip.push(await timed(() => onDisk('unzip', ['-q', packed, '-d', unpacked])))
      taken.import.push(await timed(() => hearth('import', target.domain, parts, '--yes')))
    }
    const small = join(folder, 'documents')
    const exported = await timed(() => hearth('export', many.domain, '-o', small))
    const imported = await timed(() => hearth('import', target.domain, small, '--yes'))
    const rate = (name: keyof typeof taken) => total / 1e6 / ([...taken[name]].sort((a, b) => a - b)[1] ?? 0)
    const line = (ours: 'export' | 'import', other: 'zip' | 'unzip') =>
      `| ${ours} of ${Math.round(total / 1e6)} MB | ${other} | ${Math.round(rate(other))} MB/s | ${Math.round(rate(ours))} MB/s | ${(rate(ours) / rate(other)).toFixed(2)} |`
    const each = (seconds: number) => Math.round(documents / seconds)
    return `${line('export', 'zip')}\n${line('import', 'unzip')}\n${documents} documents: ${each(exported)}/s out, ${each(imported)}/s in`
  } finally {
    await server.killTree()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The same files on disk and in an instance. */
async function filledFrom(server: TestServer, tree: string): Promise<Account> {
  const account = await newAccount(server, 'files.bench.test')
  mkdirSync(tree)
  for (let n = 0; n < count; n += 1) {
    const bytes = randomBytes(fileBytes)
    writeFileSync(join(tree, `file-${n}.bin`), bytes)
    const made = await account.send('POST', `/files/?Type=file&Name=file-${n}.bin`, bytes)
    if (made.status !== 201) throw new Error(await made.text())
  }
  return account
}

async function filledWithDocuments(server: TestServer): Promise<Account> {
  const account = await newAccount(server, 'documents.bench.test')
  for (let from = 0; from < documents; from += 1_000) {
    const docs = Array.from({ length: 1_000 }, (_, n) => ({ _id: `d${from + n}`, n, text: 'x'.repeat(300) }))
    await account.ask('POST', '/data/org.example.bench/_bulk_docs', { docs })
  }
  return account
}
