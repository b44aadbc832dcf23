/**
 * The functions of `@std/streams` that Hearth uses, with the same names and signatures. JSR cannot be reached from every
 * build machine, and Bun does not resolve `jsr:`: where both can be had, `"@std/streams": "jsr:@std/streams@^1"` in deno.json
 * replaces this file.
 */

/**
 * Passes bytes on up to a total size. A chunk that would go beyond ends the stream in front of it, or fails it with a
 * RangeError where `error` is set.
 */
export class LimitedBytesTransformStream extends TransformStream<Uint8Array, Uint8Array> {
  #read = 0

  constructor(size: number, options: { readonly error?: boolean } = {}) {
    super({
      transform: (chunk, controller) => {
        if (this.#read + chunk.byteLength > size) {
          if (options.error !== true) return controller.terminate()
          throw new RangeError(`Exceeded byte size limit of '${size}'`)
        }
        this.#read += chunk.byteLength
        controller.enqueue(chunk)
      },
    })
  }
}

/** All bytes of a stream. */
export async function toBytes(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream) {
    chunks.push(chunk)
    size += chunk.byteLength
  }
  const bytes = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  return bytes
}

/** All text of a stream of UTF-8, or of a stream of text. */
export async function toText(stream: ReadableStream): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of stream as ReadableStream<string | Uint8Array>) {
    text += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

/** Cuts text into lines, which end with a line feed, or with a carriage return and a line feed. An empty last one is left out. */
export class TextLineStream extends TransformStream<string, string> {
  #rest = ''

  constructor() {
    super({
      transform: (chunk, controller) => {
        const lines = (this.#rest + chunk).split('\n')
        this.#rest = lines.pop() ?? ''
        for (const line of lines) controller.enqueue(line.endsWith('\r') ? line.slice(0, -1) : line)
      },
      flush: (controller) => {
        if (this.#rest !== '') controller.enqueue(this.#rest)
      },
    })
  }
}
