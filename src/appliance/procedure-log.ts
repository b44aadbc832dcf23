/** The log of one procedure: what it tells the person who watches it. Lines are `[unix seconds][TAG] text`. */
import { open, readFile, stat } from 'node:fs/promises'
import { rotate } from './audit.ts'
import { codeOf } from './durable-file.ts'

export interface ProcedureLog {
  /** Adds a line with time and tag. */
  line(text: string): Promise<void>
  /** Adds a line as it is. */
  raw(text: string): Promise<void>
  /** The last lines, joined by line breaks, without one at the end; `null` when there is no log. */
  tail(lines?: number): Promise<string | null>
  /** The whole log; `undefined` when there is none. */
  read(): Promise<Uint8Array | undefined>
}

const maxLineBytes = 4_096
const maxTailBytes = 65_536

/** Opens the log of a procedure in this file, made at the first line. */
export function newProcedureLog(file: string, tag: () => string): ProcedureLog {
  let queue = Promise.resolve()
  const add = (text: string) => {
    const clean = cleanLine(text)
    queue = queue
      .catch(() => {})
      .then(async () => {
        await rotate(file)
        const handle = await open(file, 'a', 0o600)
        try {
          await handle.writeFile(`${clean}\n`)
        } finally {
          await handle.close()
        }
      })
    return queue
  }
  return {
    line: (text) => add(`[${Math.floor(Date.now() / 1000)}][${tag()}] ${text}`),
    raw: add,
    async tail(lines = 10) {
      await queue.catch(() => {})
      const bytes = await readEnd(file)
      if (bytes === undefined) return null
      const text = bytes.toString('utf8').replace(/\n$/, '')
      return text.split('\n').slice(-lines).join('\n')
    },
    async read() {
      await queue.catch(() => {})
      return readFile(file).catch((error: unknown) => {
        if (codeOf(error) === 'ENOENT') return undefined
        throw error
      })
    },
  }
}

/** One line without control characters, of bounded length. */
export function cleanLine(text: string): string {
  const clean = text.replaceAll(/[\x00-\x08\x0a-\x1f\x7f]/g, '')
  return clean.length > maxLineBytes ? `${clean.slice(0, maxLineBytes)}...` : clean
}

async function readEnd(file: string): Promise<Buffer | undefined> {
  try {
    const { size } = await stat(file)
    const handle = await open(file, 'r')
    try {
      const length = Math.min(size, maxTailBytes)
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length)
      return buffer.subarray(0, bytesRead)
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
