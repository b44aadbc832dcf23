/** The server's own log: a file of bounded size, whose serious lines go into Hearth's log. */
import { copyFile, open, stat, truncate } from 'node:fs/promises'

/** Half of what the log may take on disk, in bytes: `log` up to here, and `log.1`. */
const largest = 4 * 2 ** 20

/** The most that is read at a time, in bytes; what was written before that is passed over. */
const longestRead = 256 * 2 ** 10

/** Reads on in a log that others write. */
export class ServerLog {
  readonly path: string
  readonly #largest: number
  #offset = 0

  constructor(path: string, bound = largest) {
    this.path = path
    this.#largest = bound
  }

  /** Passes over all that was written so far. */
  async skip(): Promise<void> {
    this.#offset = await this.#size()
  }

  /** The whole lines written since the last call. */
  async newLines(): Promise<string[]> {
    const size = await this.#size()
    if (size < this.#offset) this.#offset = 0
    const from = Math.max(this.#offset, size - longestRead)
    const bytes = await this.#read(from, size - from)
    const end = bytes.lastIndexOf(0x0a) + 1
    this.#offset = from + end
    return bytes
      .toString('utf8', 0, end)
      .split('\n')
      .filter((line) => line !== '')
  }

  /** Moves a log that has grown too long aside. The writers keep writing to the same file, which is truncated. */
  async bound(): Promise<void> {
    if ((await this.#size()) <= this.#largest) return
    await copyFile(this.path, `${this.path}.1`)
    await truncate(this.path)
    this.#offset = 0
  }

  async #size(): Promise<number> {
    return stat(this.path).then(
      ({ size }) => size,
      () => 0,
    )
  }

  async #read(from: number, length: number): Promise<Buffer> {
    if (length <= 0) return Buffer.alloc(0)
    const file = await open(this.path, 'r')
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from)
      return buffer.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  }
}

/** True for a line that says that a session or the whole server came to its end. */
export function isGrave(line: string): boolean {
  return / (FATAL|PANIC): /.test(line)
}

/** Looks into a server's log from time to time. */
export interface LogWatch {
  stop(): void
  /** The last grave line since the previous look, or an empty string. */
  last(): Promise<string>
}

/** The most grave lines that one look passes on: a server in trouble repeats itself. */
const mostLines = 20

/** Passes grave lines on to `tell`, every second, and keeps the log within its bound. */
export function watchLog(log: ServerLog, tell: (line: string) => void): LogWatch {
  const look = async () => {
    const grave = (await log.newLines()).filter(isGrave)
    for (const line of grave.slice(-mostLines)) tell(line)
    await log.bound()
    return grave.at(-1) ?? ''
  }
  // A check that fails (a full disk) is repeated a second later; the server itself continues.
  const timer = setInterval(() => void look().catch(() => {}), 1_000)
  timer.unref()
  return { stop: () => clearInterval(timer), last: () => look().catch(() => '') }
}
