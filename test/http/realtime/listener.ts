/** A client of the realtime websocket, as an application would write one, for tests. */
import { WebSocket } from 'ws'

export interface RealtimeEvent {
  readonly event: string
  readonly payload: {
    readonly type?: string
    readonly id?: string
    readonly doc?: Record<string, unknown>
    readonly status?: string
    readonly code?: string
    readonly title?: string
    readonly source?: unknown
  }
}

export interface Place {
  /** `http://127.0.0.1:PORT` of the public listener. */
  readonly url: string
  readonly domain: string
}

export class Listener {
  /** Everything received, errors too; answers to `flush` left out. */
  readonly events: RealtimeEvent[] = []
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
  readonly socket: WebSocket
  #settled = 0
  #marks = 0
  #taken = 0

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data) => {
      const event = JSON.parse(String(data)) as RealtimeEvent
      const source = event.payload.source as { method?: unknown; payload?: unknown } | null | undefined
      if (source?.method === 'SETTLE') this.#settled = source.payload as number
      else this.events.push(event)
    })
    socket.on('error', () => {})
    this.closed = new Promise((resolve) => socket.on('close', (code, reason) => resolve({ code, reason: `${reason}` })))
  }

  /** Opens a socket; with a token it says AUTH at once. */
  static async open({ url, domain }: Place, token?: string, protocols = ['io.cozy.websocket']): Promise<Listener> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/realtime/`, protocols, { headers: { host: domain } })
    const listener = new Listener(socket)
    await new Promise((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    if (token !== undefined) listener.send({ method: 'AUTH', payload: token })
    return listener
  }

  /** Opens a socket that hears of the targets from when the promise resolves: `type` or `type/id`. */
  static async subscribed(place: Place, token: string, ...targets: readonly string[]): Promise<Listener> {
    const listener = await Listener.open(place, token)
    for (const target of targets) listener.command('SUBSCRIBE', target)
    await listener.flush()
    return listener
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message))
  }

  command(method: string, target: string): void {
    const [type, ...id] = target.split('/')
    this.send({ method, payload: id.length > 0 ? { type, id: id.join('/') } : { type } })
  }

  /** Resolves when the server has obeyed everything sent so far: it answers commands in their order. */
  async flush(): Promise<void> {
    const mark = ++this.#marks
    this.send({ method: 'SETTLE', payload: mark })
    await until(
      () => this.#settled >= mark,
      () => `no answer; ${this.socket.readyState}, ${JSON.stringify(this.events)}`,
    )
  }

  /** The next `count` events. Fails when they do not come. */
  async next(count = 1): Promise<RealtimeEvent[]> {
    await until(
      () => this.events.length >= this.#taken + count,
      () => JSON.stringify(this.events.slice(this.#taken)),
    )
    const from = this.#taken
    this.#taken += count
    return this.events.slice(from, this.#taken)
  }

  /** The same in short: `CREATED a 1`, with the generation of the revision. */
  async told(count = 1): Promise<string[]> {
    return (await this.next(count)).map(short)
  }

  /** What has come that nobody has asked for yet. */
  get rest(): string[] {
    return this.events.slice(this.#taken).map(short)
  }

  async close(): Promise<void> {
    this.socket.close()
    await this.closed
  }
}

export function short({ event, payload }: RealtimeEvent): string {
  if (event === 'error') return `error ${payload.status}`
  const rev = payload.doc?.['_rev']
  return `${event} ${payload.id}${typeof rev === 'string' ? ` ${rev.split('-')[0]}` : ''}`
}

/** Polls until it is true. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  describe: () => string = () => '',
  patienceMs = 60_000,
): Promise<void> {
  const deadline = performance.now() + patienceMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`it never came true: ${describe()}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
