/** What HTTP/1.1 requires of a server beyond single requests, where `node:http` leaves it to its users. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Requests of one connection that may wait for those before them. Pipelining clients send some dozens at most. */
const maxWaiting = 1_000

/** The requests of one connection. */
interface Line {
  /** The last answer that was begun. An idle connection holds it until the next one, or until it is closed. */
  last?: ServerResponse | undefined
  /** Requests that have not begun. */
  waiting: number
  isCut: boolean
}

/**
 * Makes what runs the requests of one connection one after the other, in the order in which they came: a client that pipelines a write
 * and a read sees what it wrote (RFC 9112, section 9.3.2). A connection on which too many wait is cut: each takes some kB of memory, and a
 * few bytes of the client. Requests with several `Host` headers are 400 (section 3.2).
 */
export function newOrder(): (listener: RequestListener) => RequestListener {
  const lines = new WeakMap<Socket, Line>()

  function newLine(socket: Socket): Line {
    const line: Line = { waiting: 0, isCut: false }
    lines.set(socket, line)
    return line
  }

  return (listener) => (request, response) => {
    const { socket } = request
    const line = lines.get(socket) ?? newLine(socket)
    const before = line.last
    line.last = response
    // Deno does not say whether an answer is closed. Where it is said, no request needs a listener.
    if ((response.closed as boolean | undefined) === undefined) {
      response.once('close', () => {
        if (line.last === response) line.last = undefined
      })
    }
    if (before === undefined || before.closed) {
      run(line, listener, request, response)
      return
    }
    line.waiting += 1
    if (line.waiting > maxWaiting) {
      line.isCut = true
      socket.destroy()
    }
    before.once('close', () => {
      line.waiting -= 1
      run(line, listener, request, response)
    })
  }
}

/**
 * Asks for the body of a request with `Expect: 100-continue` when it is first read: what can be refused without
 * is refused before any byte is sent (RFC 9110, section 10.1.1).
 */
export function continueWhenRead(listener: RequestListener): RequestListener {
  return (request, response) => {
    // If it is never read, the client may or may not send it: the connection cannot be reused.
    response.setHeader('connection', 'close')
    let asked = false
    const ask = () => {
      if (asked || response.headersSent) return
      asked = true
      response.removeHeader('connection')
      response.writeContinue()
    }
    const { on, iterator } = request
    request.on = function (this: IncomingMessage, event: string, handler: (...args: never[]) => void) {
      if (event === 'data' || event === 'readable') ask()
      return on.call(this, event, handler as never)
    } as IncomingMessage['on']
    request.iterator = (options) => {
      ask()
      return iterator.call(request, options)
    }
    request[Symbol.asyncIterator] = () => request.iterator() as ReturnType<IncomingMessage[typeof Symbol.asyncIterator]>
    listener(request, response)
  }
}

function run({ isCut }: Line, listener: RequestListener, request: IncomingMessage, response: ServerResponse): void {
  if (isCut) return
  if (countHosts(request) > 1) refuse(response)
  else listener(request, response)
}

function countHosts(request: IncomingMessage): number {
  // Bun makes them faster before it has made the raw ones than afterwards.
  void request.headers
  const { rawHeaders } = request
  let count = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]
    if (name?.length === 4 && name.toLowerCase() === 'host') count += 1
  }
  return count
}

function refuse(response: ServerResponse): void {
  const text = JSON.stringify({ error: 'bad_request', reason: 'A request has one Host header.' })
  response.writeHead(400, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    connection: 'close',
  })
  response.end(text)
}
