/** Runs the fixture that opens an embedded server, and listens to what it tells. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { EmbeddedPostgres } from '../../storage/postgres/embedded/server.ts'

/** One JSON line of the fixture. */
export interface Told {
  readonly event?: string
  readonly opened?: EmbeddedPostgres['connection']
  readonly pid?: number
  readonly failed?: string
  readonly known?: boolean
  readonly stack?: string
  readonly died?: string
  readonly stopped?: boolean
}

/** The user and group that tests take for an ordinary user when they run as root. */
export const ordinaryUser = 65_534

const patience = 30_000

/** The fixture as a process of its own. */
export class EmbeddedProcess {
  readonly told: Told[] = []
  readonly exited: Promise<void>
  readonly #child: ChildProcessByStdio<null, Readable, null>
  readonly #waiting = new Set<() => void>()

  constructor(dataDir: string, uid?: number) {
    this.#child = spawn(process.execPath, [join(import.meta.dir, 'embedded-fixture.ts'), dataDir], {
      stdio: ['ignore', 'pipe', 'inherit'],
      ...(uid === undefined ? {} : { uid, gid: uid }),
    })
    this.exited = new Promise((resolve) => this.#child.on('close', () => resolve()))
    createInterface(this.#child.stdout).on('line', (line) => {
      this.told.push(JSON.parse(line))
      for (const look of this.#waiting) look()
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** The first line, told already or to come, that satisfies `wanted`. */
  tells(wanted: (line: Told) => boolean): Promise<Told> {
    return new Promise((resolve, reject) => {
      const end = (finish: () => void) => {
        clearTimeout(timer)
        this.#waiting.delete(look)
        finish()
      }
      const timer = setTimeout(() => end(() => reject(this.#silence())), patience)
      const look = () => {
        const found = this.told.find(wanted)
        if (found) end(() => resolve(found))
      }
      this.#waiting.add(look)
      void this.exited.then(() => end(() => reject(this.#silence())))
      look()
    })
  }

  #silence(): Error {
    return new Error(`the fixture told only: ${JSON.stringify(this.told)}`)
  }

  /** Waits for the open server. */
  async opened(): Promise<{ connection: EmbeddedPostgres['connection']; pid: number }> {
    const { opened, pid = 0, failed, stack } = await this.tells((line) => 'opened' in line || 'failed' in line)
    if (!opened) throw new Error(`the server did not open: ${failed} ${stack}`)
    return { connection: opened, pid }
  }

  /** Waits for the refusal, which must be one meant for people. */
  async refusal(): Promise<string> {
    const { failed = '', known, stack } = await this.tells((line) => 'opened' in line || 'failed' in line)
    if (known !== true) throw new Error(`not a refusal meant for people: ${failed} ${stack}`)
    await this.exited
    return failed
  }

  kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    return this.exited
  }

  stop(): Promise<void> {
    this.#child.kill('SIGTERM')
    return this.exited
  }
}
