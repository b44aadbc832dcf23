/**
 * Programs that the maker of an image puts beside Hearth for what only the operating system can do. Hearth itself
 * changes nothing outside of its folders. A hook is run without a shell, with an environment made from nothing, and is
 * contained: its time, its output and all that it has started end with it.
 */
import { constants } from 'node:fs'
import { access, lstat, mkdir, realpath, rm, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { runContained } from './contained-process.ts'
import { codeOf } from './durable-file.ts'
import { newJobId } from './job-id.ts'

export const hookVerbs = [
  'update-decrypt',
  'update-install',
  'update-rollback',
  'update-confirm',
  'settings-apply',
  'certs-apply',
  'storage-apply',
  'reboot',
  'services',
  'debug-collect',
  'backup-pre',
  'backup-post',
  'restore-pre',
  'restore-post',
] as const
export type HookVerb = (typeof hookVerbs)[number]

/** What a hook reported with its output and exit code. */
export interface HookResult {
  readonly outcome: 'ok' | 'failed'
  /** E1000 to E1005; set when it failed. */
  readonly code?: string | undefined
  readonly message?: string | undefined
  readonly rebootRequired: boolean
  /** The value of its last `@result` line. */
  readonly result: unknown
}

export interface HookCall {
  readonly job?: string | undefined
  /** Written to its standard input as JSON. */
  readonly input: unknown
  readonly onLine?: ((line: string) => void) | undefined
  readonly onProgress?: ((percentage: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
  readonly newVersion?: string | undefined
}

export interface Hooks {
  /** Runs a hook; `undefined` when there is none. Resolves also when it failed, was refused or took too long. */
  run(verb: HookVerb, call: HookCall): Promise<HookResult | undefined>
  /** Whether there is such a hook, be it usable or not. */
  has(verb: HookVerb): Promise<boolean>
}

export interface HookOptions {
  readonly folder: string
  /** Where a private folder is made for each run. */
  readonly staging: string
  readonly stateFolder: string
  readonly version: () => string
  /** Put in front of the program, such as `sudo -n --`. */
  readonly runner: () => readonly string[]
  /** Seconds, by verb. */
  readonly timeouts: () => Readonly<Record<string, number>>
  readonly onRefused: (verb: HookVerb, reason: string) => void
  /** Milliseconds between being asked to end and being ended. */
  readonly graceMs?: number
}

const usualSeconds: Readonly<Record<HookVerb, number>> = {
  'update-decrypt': 3600,
  'update-install': 3600,
  'update-rollback': 600,
  'update-confirm': 60,
  'settings-apply': 60,
  'certs-apply': 60,
  'storage-apply': 60,
  reboot: 30,
  services: 10,
  'debug-collect': 120,
  'backup-pre': 1800,
  'backup-post': 1800,
  'restore-pre': 1800,
  'restore-post': 1800,
}

const maxOutputBytes = 8 * 1024 ** 2

/** Opens the hooks of a folder, which need not exist. */
export function openHooks(options: HookOptions): Hooks {
  return {
    has: (verb) => exists(join(options.folder, verb)),
    async run(verb, call) {
      const path = join(options.folder, verb)
      if (!(await exists(path))) return undefined
      const refusal = await refusalOf(options.folder, path)
      if (refusal !== undefined) {
        options.onRefused(verb, refusal)
        return { outcome: 'failed', code: 'E1000', message: refusal, rebootRequired: false, result: undefined }
      }
      return runHook(options, verb, path, call)
    },
  }
}

async function runHook(options: HookOptions, verb: HookVerb, path: string, call: HookCall): Promise<HookResult> {
  const job = call.job ?? newJobId()
  const work = join(options.staging, `hook-${verb}-${newJobId()}`)
  const seconds = options.timeouts()[verb] ?? usualSeconds[verb]
  const said: { code?: string; message?: string; reboot: boolean; result: unknown } = {
    reboot: false,
    result: undefined,
  }
  const [program = path, ...leading] = [...options.runner(), path]
  await mkdir(work, { recursive: true, mode: 0o700 })
  try {
    const end = await runContained({
      program,
      args: [...leading, verb, job],
      env: {
        PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
        LANG: 'C.UTF-8',
        TZ: process.env['TZ'] ?? 'UTC',
        JIDO_HOOK_API: '1',
        JIDO_JOB: job,
        JIDO_WORK: work,
        JIDO_STATE: options.stateFolder,
        JIDO_VERSION: options.version(),
        ...(call.newVersion === undefined ? {} : { JIDO_NEW_VERSION: call.newVersion }),
        JIDO_TIMEOUT: String(seconds),
      },
      cwd: work,
      input: JSON.stringify(call.input),
      timeoutMs: seconds * 1000,
      graceMs: options.graceMs ?? 10_000,
      maxOutputBytes,
      signal: call.signal,
      onLine(line, from) {
        if (from === 'out' && line.startsWith('@')) readReport(line, said, call)
        else call.onLine?.(line)
      },
    })
    const { reboot: rebootRequired, result } = said
    if (end.kind === 'exit' && end.code === 0) return { outcome: 'ok', rebootRequired, result }
    const code = said.code ?? codeOfEnd(end)
    return {
      outcome: 'failed',
      code,
      message: said.message ?? messageOfEnd(verb, end, seconds),
      rebootRequired,
      result,
    }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

function readReport(
  line: string,
  said: { code?: string; message?: string; reboot: boolean; result: unknown },
  call: HookCall,
): void {
  const [, word = '', rest = ''] = /^@(\S+)\s*(.*)$/s.exec(line) ?? []
  if (word === 'progress') {
    const value = Number(rest)
    if (rest !== '' && value >= 0 && value <= 100) call.onProgress?.(value)
  } else if (word === 'message') call.onLine?.(rest)
  else if (word === 'error') {
    const [, code, text = ''] = /^(E100[0-5])\s*(.*)$/.exec(rest) ?? []
    if (code !== undefined) said.code = code
    said.message = (code === undefined ? rest : text) || 'The hook reported an error'
    call.onLine?.(`Error: ${rest}`)
  } else if (word === 'reboot-required') said.reboot = true
  else if (word === 'result') {
    try {
      said.result = JSON.parse(rest)
    } catch {
      call.onLine?.('The hook printed a @result that is not JSON')
    }
  } else call.onLine?.(line)
}

type End = Awaited<ReturnType<typeof runContained>>

function codeOfEnd(end: End): string {
  if (end.kind !== 'exit') return end.kind === 'unstartable' ? 'E1000' : 'E1002'
  if (end.code >= 10 && end.code <= 15) return `E10${String(end.code - 10).padStart(2, '0')}`
  if (end.code === 75) return 'E1004'
  return end.code === 126 || end.code === 127 ? 'E1000' : 'E1002'
}

function messageOfEnd(verb: HookVerb, end: End, seconds: number): string {
  const hook = `The hook ${verb}`
  if (end.kind === 'exit') return `${hook} ended with code ${end.code}`
  if (end.kind === 'signal') return `${hook} was ended by ${end.signal}`
  if (end.kind === 'unstartable') return `${hook} cannot be started: ${end.reason}`
  return end.kind === 'timeout' ? `${hook} took longer than ${seconds} s` : `${hook} was stopped`
}

/** Why a hook must not be run: others could have written it. */
async function refusalOf(folder: string, path: string): Promise<string | undefined> {
  const root = await realpath(folder)
  const real = await realpath(path)
  const below = relative(root, real)
  if (below.startsWith('..') || below.startsWith(sep)) return 'The hook is a link that leads out of the folder of hooks'
  const parts = below.split(sep)
  for (let depth = 0; depth <= parts.length; depth++) {
    const one = join(root, ...parts.slice(0, depth))
    const { mode, uid } = await stat(one)
    const place = depth === 0 ? 'The folder of hooks' : `${relative(root, one)} in the folder of hooks`
    if (uid !== 0 && uid !== process.getuid?.()) return `${place} belongs neither to root nor to the user of Hearth`
    if ((mode & 0o022) !== 0) return `${place} can be written by its group or by everybody`
  }
  if (!(await lstat(real)).isFile()) return 'The hook is not a regular file'
  const runnable = await access(real, constants.X_OK).then(
    () => true,
    () => false,
  )
  return runnable ? undefined : 'The hook is not executable'
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return false
    throw error
  }
}
