/**
 * A small HTTP load generator: keep-alive connections, one request under way on each, as little work per answer as a
 * client can do. It shares the machine with the server, so what it does not burn the server can.
 */
import { connect } from 'node:net'
import type { Load, LoadResult } from './load.ts'

const none = { method: 'GET', path: '/' } as { method: string; path: string; body?: string }
const lastChunk = Buffer.from('0\r\n\r\n')

/** Runs the load and counts whole answers, with Content-Length or in chunks. `firstNumber` is the first that replaces `{n}`. */
export async function loadByNode(options: Load, firstNumber: number): Promise<LoadResult> {
  const latencies: number[] = []
  const { requests } = options
  let errors = 0
  let next = 0
  const warmUp = performance.now() + Math.min(1_000, options.seconds * 250)
  const end = warmUp + options.seconds * 1_000
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: options.port })
      socket.setNoDelay(true)
      let sentAt = 0
      let pending: Buffer = Buffer.alloc(0)
      const send = () => {
        sentAt = performance.now()
        if (sentAt > end) {
          socket.destroy()
          resolve()
          return
        }
        const number = next++
        const { method, path, body } = requests[number % requests.length] ?? none
        const headers = [
          `${method} ${path.replace('{n}', `${firstNumber + number}`)} HTTP/1.1`,
          `Host: ${options.host}`,
        ]
        if (options.authorization !== undefined) headers.push(`Authorization: ${options.authorization}`)
        if (body !== undefined)
          headers.push('Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`)
        socket.write(`${headers.join('\r\n')}\r\n\r\n${body ?? ''}`)
      }
      socket.on('connect', send)
      socket.on('error', reject)
      socket.on('data', (chunk: Buffer) => {
        pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
        const head = pending.indexOf('\r\n\r\n')
        if (head < 0) return
        const text = pending.toString('latin1', 0, head)
        const length = /content-length: (\d+)/i.exec(text)
        if (length ? pending.length < head + 4 + Number(length[1]) : !pending.subarray(-5).equals(lastChunk)) return
        const now = performance.now()
        if (text.charCodeAt(9) !== 50) {
          errors += 1
        } else if (now > warmUp && now <= end) latencies.push(now - sentAt)
        pending = Buffer.alloc(0)
        send()
      })
    })
  await Promise.all(Array.from({ length: options.connections }, one))
  latencies.sort((a, b) => a - b)
  return {
    perSecond: latencies.length / options.seconds,
    p50Ms: latencies[Math.floor(latencies.length / 2)] ?? 0,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
    errors,
  }
}
