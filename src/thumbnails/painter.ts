/** Draws images in another process, one at a time, and kills it when it takes too much memory or time. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { executable, isCompiled, runtime } from '../platform/runtime.ts'
import { cannotDraw, drawCommand } from './draw-command.ts'
import { DrawingError, type Drawn } from './drawn.ts'

const maxResultBytes = 32_000_000
const lookMs = 50
const lowPriority = 10

export interface Painted extends Drawn {
  /** In the order of `thumbnails`. */
  readonly contents: readonly Uint8Array[]
}

export interface PainterOptions {
  /** Bytes of memory that the process may take. */
  readonly maxMemory: number
  readonly timeoutMs: number
}

/** Told of how much memory a process took, in bytes. */
export type Observe = (peak: number) => void

/** @throws DrawingError for an image that cannot be drawn, or costs too much; the reason of `signal` */
export async function paint(
  image: AsyncIterable<Uint8Array>,
  { maxMemory, timeoutMs }: PainterOptions,
  signal: AbortSignal,
  observe: Observe = () => {},
): Promise<Painted> {
  const child = spawn(executable, commandLine(), { env: {}, stdio: ['pipe', 'pipe', 'pipe'] })
  let verdict: Error | undefined
  let peak = 0
  const end = (reason: Error) => {
    verdict ??= reason
    child.kill('SIGKILL')
  }
  const onAbort = () => end(signal.reason instanceof Error ? signal.reason : new Error('stopped'))
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort)
  const timer = setTimeout(() => end(new DrawingError('drawing the image takes too long')), timeoutMs)
  const watch = setInterval(() => {
    const resident = residentBytes(child.pid)
    peak = Math.max(peak, resident)
    if (resident > maxMemory) end(new DrawingError('drawing the image takes too much memory'))
  }, lookMs)
  try {
    lower(child)
    const [code, output, errors] = await Promise.all([
      ended(child),
      collect(child.stdout, maxResultBytes),
      collect(child.stderr, 10_000),
      feed(child, image).catch((error: unknown) => end(error instanceof Error ? error : new Error(String(error)))),
    ])
    if (verdict !== undefined) throw verdict
    if (code === cannotDraw) throw new DrawingError(errors.toString('utf8').trim().slice(0, 200))
    if (code !== 0) throw new DrawingError('the image could not be drawn')
    return painted(output)
  } finally {
    clearTimeout(timer)
    clearInterval(watch)
    signal.removeEventListener('abort', onAbort)
    observe(peak)
  }
}

function commandLine(): string[] {
  if (isCompiled) return [drawCommand]
  const leading = runtime.name === 'deno' ? ['run', '-A'] : []
  return [...leading, join(import.meta.dirname ?? '', '..', 'main.ts'), drawCommand]
}

/** Requests go first. */
function lower({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) setPriority(pid, lowPriority)
  } catch {
    // It has ended, or the system does not allow it.
  }
}

async function feed(child: ChildProcess, image: AsyncIterable<Uint8Array>): Promise<void> {
  const { stdin } = child
  if (stdin === null) return
  // A process that has ended accepts no more input: its exit code says why.
  let isOpen = true
  stdin.on('error', () => {
    isOpen = false
  })
  stdin.on('close', () => {
    isOpen = false
  })
  for await (const chunk of image) {
    if (!isOpen) return
    if (!stdin.write(chunk)) {
      await new Promise<void>((resolve) => {
        const go = () => resolve()
        stdin.once('drain', go).once('close', go).once('error', go)
      })
    }
  }
  stdin.end()
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code))
  })
}

async function collect(stream: NodeJS.ReadableStream | null, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream ?? []) {
    size += (chunk as Buffer).length
    if (size <= limit) chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks)
}

function painted(output: Buffer): Painted {
  const line = output.indexOf('\n')
  const drawn = JSON.parse(output.toString('utf8', 0, line)) as Drawn
  const contents: Uint8Array[] = []
  let at = line + 1
  for (const { size } of drawn.thumbnails) {
    contents.push(output.subarray(at, at + size))
    at += size
  }
  return { ...drawn, contents }
}

/** From Linux's list of processes; 0 where there is none. */
function residentBytes(pid: number | undefined): number {
  try {
    const [, pages = '0'] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')
    return Number(pages) * 4096
  } catch {
    return 0
  }
}
