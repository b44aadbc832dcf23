/** Runs a program that may do anything but must not outlive its time, and must not fill our memory or our disk. */
import { spawn } from 'node:child_process'

export interface ContainedProcess {
  readonly program: string
  readonly args: readonly string[]
  /** All of its environment. */
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  readonly input: string
  readonly timeoutMs: number
  readonly graceMs: number
  /** What is beyond is read and dropped. */
  readonly maxOutputBytes: number
  readonly signal?: AbortSignal | undefined
  /** Each line of its output, cut at 4 KiB. */
  readonly onLine: (line: string, from: 'out' | 'error') => void
}

export type ProcessEnd =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: string }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'unstartable'; readonly reason: string }

const maxLine = 4_096

/**
 * Resolves when the program has ended and nothing of its process group is left. It is the leader of a session of its own, so
 * that what it has started can be ended with it.
 */
export function runContained(options: ContainedProcess): Promise<ProcessEnd> {
  const { program, args, env, cwd, input, timeoutMs, graceMs, signal } = options
  return new Promise((resolve) => {
    const child = spawn(program, [...args], { cwd, env: { ...env }, detached: true, stdio: ['pipe', 'pipe', 'pipe'] })
    const budget = { left: options.maxOutputBytes }
    const flush = [
      eachLine(child.stdout, budget, (line) => options.onLine(line, 'out')),
      eachLine(child.stderr, budget, (line) => options.onLine(line, 'error')),
    ]
    let cause: 'timeout' | 'stopped' | undefined
    let killTimer: ReturnType<typeof setTimeout> | undefined
    const end = (why: 'timeout' | 'stopped') => {
      if (cause !== undefined) return
      cause = why
      signalGroup(child.pid, 'SIGTERM')
      killTimer = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), graceMs)
    }
    const onAbort = () => end('stopped')
    const timer = setTimeout(() => end('timeout'), timeoutMs)
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted) onAbort()

    let settled = false
    const settle = (result: ProcessEnd) => {
      if (settled) return
      settled = true
      clearTimeout(timer)
      clearTimeout(killTimer)
      signal?.removeEventListener('abort', onAbort)
      // Its remaining children are killed with it; pipes that they hold open are not awaited.
      signalGroup(child.pid, 'SIGKILL')
      for (const one of flush) one()
      child.stdout.destroy()
      child.stderr.destroy()
      resolve(result)
    }
    child.once('error', (error) => settle({ kind: 'unstartable', reason: error.message }))
    child.once('exit', (code, endedBy) => {
      const result: ProcessEnd =
        cause !== undefined
          ? { kind: cause }
          : endedBy === null
            ? { kind: 'exit', code: code ?? 0 }
            : { kind: 'signal', signal: endedBy }
      // What is still in the pipes is read, unless another process keeps them open.
      const late = setTimeout(() => settle(result), 200)
      child.once('close', () => {
        clearTimeout(late)
        settle(result)
      })
    })
    // A program that does not read its input is not a failure.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}

function eachLine(stream: NodeJS.ReadableStream, budget: { left: number }, onLine: (line: string) => void): () => void {
  let rest = ''
  let dropping = false
  const decoder = new TextDecoder()
  const emit = () => {
    const line = rest.length > maxLine ? `${rest.slice(0, maxLine)}...` : rest
    rest = ''
    onLine(line)
  }
  stream.on('data', (chunk: Uint8Array) => {
    if (budget.left <= 0) {
      if (!dropping) onLine('(more output was dropped)')
      dropping = true
      return
    }
    budget.left -= chunk.length
    const pieces = decoder.decode(chunk, { stream: true }).split('\n')
    for (const [at, piece] of pieces.entries()) {
      // A line without an end must not grow for ever.
      if (rest.length <= maxLine) rest += piece
      if (at < pieces.length - 1) emit()
    }
  })
  return () => {
    if (rest !== '') emit()
  }
}

/** Signals a whole process group; one that is gone is fine. */
function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined || pid <= 1) return
  try {
    process.kill(-pid, signal)
  } catch {
    // Nothing of it is left.
  }
}
