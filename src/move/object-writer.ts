/** Writes an object piece by piece. */
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import type { ObjectStore } from '../../storage/objects/contract.ts'

export class ObjectWriter {
  readonly #pipe = new PassThrough()
  readonly #put: Promise<unknown>
  #failed = false

  constructor(objects: Pick<ObjectStore, 'put'>, name: string) {
    this.#put = objects.put(name, this.#pipe)
    this.#put.catch(() => {
      this.#failed = true
      this.#pipe.destroy()
    })
  }

  /** Resolves when there is room for more. Throws what putting the object failed with. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#failed) await this.#put
    if (!this.#pipe.write(bytes)) await Promise.race([once(this.#pipe, 'drain'), this.#put])
  }

  /** The object is on disk when it resolves. */
  async end(): Promise<void> {
    this.#pipe.end()
    await this.#put
  }

  /** Leaves no object. */
  async abort(): Promise<void> {
    this.#pipe.destroy(new Error('given up'))
    await this.#put.catch(() => {})
  }
}
