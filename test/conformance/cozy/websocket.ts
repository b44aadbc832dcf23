/** A websocket client that shows what a script of the recordings needs: the status, messages, and how it was closed. */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'

export class ScriptSocket {
  #buffer = Buffer.alloc(0)
  #ended = false
  #wake = () => {}
  /** The code of the close frame, or how the connection ended otherwise. */
  closed: number | string | null = null
  status = 0
  headers = new Map<string, string>()

  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk])
      this.#wake()
    })
    const end = () => {
      this.#ended = true
      this.#wake()
    }
    socket.on('close', end).on('error', end)
  }

  static async open(url: string, path: string, headers: Readonly<Record<string, string>>): Promise<ScriptSocket> {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    const opened = new ScriptSocket(socket)
    const lines = Object.entries({
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
      'Sec-WebSocket-Version': '13',
      ...headers,
    }).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`)
    const deadline = Date.now() + 10_000
    while (opened.#buffer.indexOf('\r\n\r\n') < 0) if (!(await opened.#more(deadline))) return opened
    const end = opened.#buffer.indexOf('\r\n\r\n')
    const [first = '', ...rest] = opened.#buffer.toString('latin1', 0, end).split('\r\n')
    opened.#buffer = opened.#buffer.subarray(end + 4)
    opened.status = Number(first.split(' ')[1])
    for (const line of rest) {
      const colon = line.indexOf(':')
      opened.headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
    }
    return opened
  }

  send(text: string): void {
    this.#write(Buffer.from(text), 1)
  }

  /** The next message; `null` when none comes within the time or the socket is closed. */
  async receive(withinMs: number): Promise<string | null> {
    const deadline = Date.now() + withinMs
    for (;;) {
      if (this.closed !== null) return null
      const frame = this.#takeFrame()
      if (frame === undefined) {
        if (await this.#more(deadline)) continue
        if (this.#ended) this.closed ??= 'eof'
        return null
      }
      if (frame.kind === 8) {
        this.closed = frame.data.length >= 2 ? frame.data.readUInt16BE(0) : 1005
        return null
      }
      if (frame.kind === 9) this.#write(frame.data, 10)
      if (frame.kind === 1 || frame.kind === 2) return frame.data.toString('utf8')
    }
  }

  close(): void {
    this.#write(Buffer.from([3, 232]), 8)
    this.#socket.destroy()
  }

  #takeFrame(): { readonly kind: number; readonly data: Buffer } | undefined {
    const buffer = this.#buffer
    if (buffer.length < 2) return undefined
    let [length, at] = [(buffer[1] ?? 0) & 127, 2]
    if (length === 126) {
      if (buffer.length < 4) return undefined
      ;[length, at] = [buffer.readUInt16BE(2), 4]
    } else if (length === 127) {
      if (buffer.length < 10) return undefined
      ;[length, at] = [Number(buffer.readBigUInt64BE(2)), 10]
    }
    if (buffer.length < at + length) return undefined
    this.#buffer = buffer.subarray(at + length)
    return { kind: (buffer[0] ?? 0) & 15, data: buffer.subarray(at, at + length) }
  }

  async #more(deadline: number): Promise<boolean> {
    const before = this.#buffer.length
    if (this.#ended || Date.now() >= deadline) return false
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, deadline - Date.now())
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    return this.#buffer.length > before
  }

  #write(data: Buffer, kind: number): void {
    if (this.#socket.destroyed) return
    const mask = randomBytes(4)
    const length = data.length
    const head =
      length < 126
        ? Buffer.from([0x80 | kind, 0x80 | length])
        : Buffer.from([0x80 | kind, 0xfe, length >> 8, length & 255])
    const masked = Buffer.from(data.map((byte, at) => byte ^ (mask[at & 3] ?? 0)))
    this.#socket.write(Buffer.concat([head, mask, masked]))
  }
}
