/** Questions and answers between the owner of a server and its workers, over messages between processes. */

/** What one side may ask the other. */
export interface Questions {
  /** Worker to owner: it hears now. What is sent before may be lost. */
  hears: { readonly about: null; readonly answer: null }
  /** Owner to worker: serve. Answered when it does. */
  start: { readonly about: Start; readonly answer: { readonly port: number } }
  /** Owner to worker: answer 503 and let go of the database. Answered when nothing is open any more. */
  close: { readonly about: null; readonly answer: null }
  /** Owner to worker: open it again. Answered when everything is served again. */
  open: { readonly about: null; readonly answer: null }
  /** Both ways: an instance has changed; what is remembered of instances and tokens no longer counts. */
  instancesChanged: { readonly about: null; readonly answer: null }
  /** Owner to worker: what it counted. */
  metrics: { readonly about: null; readonly answer: unknown }
  /** Owner to worker: nothing, but a worker that hangs does not answer. */
  alive: { readonly about: null; readonly answer: null }
}

/** What a worker receives when it begins. */
export interface Start {
  readonly version: string
  /** From 1. */
  readonly worker: number
  /** The settings as the owner loaded them: files may have changed since. */
  readonly config: unknown
  /** Where PostgreSQL is. */
  readonly database: unknown
  readonly port: number
  readonly terminal: boolean
}

type Name = keyof Questions

/** Answers the questions that the other side asks. */
export type Answerer = {
  readonly [Question in Name]?: (about: Questions[Question]['about']) => Promise<Questions[Question]['answer']>
}

/** A question that was answered with a failure, that took too long, or whose other side has ended. */
export class ChannelError extends Error {
  /** The system's code of the failure, such as EADDRINUSE; empty when there is none. */
  readonly code: string

  constructor(message: string, code = '') {
    super(message)
    this.code = code
  }
}

export interface Channel {
  /** Rejects with a ChannelError. */
  ask<Question extends Name>(
    question: Question,
    about: Questions[Question]['about'],
    patienceMs: number,
  ): Promise<Questions[Question]['answer']>
  /** To be called with every message of the other side. */
  receive(message: unknown): void
  /** The other side has ended. `why`: what is known of it. */
  end(why?: string): void
}

interface Asked {
  resolve(answer: unknown): void
  reject(error: ChannelError): void
}

type Message =
  | { readonly ask: Name; readonly id: number; readonly about: unknown }
  | { readonly answer: unknown; readonly id: number }
  | { readonly failed: string; readonly code: string; readonly id: number }

/** `send` gives a message to the other side, and throws when it has ended. */
export function newChannel(send: (message: object) => void, answerer: Answerer): Channel {
  const asked = new Map<number, Asked>()
  let last = 0
  let ended: string | undefined

  function reply(message: Message): void {
    try {
      send(message)
    } catch {
      // No one is waiting for it any more.
    }
  }

  async function answer(question: Name, id: number, about: unknown): Promise<void> {
    try {
      const work = answerer[question] as ((about: unknown) => Promise<unknown>) | undefined
      if (work === undefined) throw new Error(`nobody here answers ${question}`)
      reply({ answer: (await work(about)) ?? null, id })
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined
      const code = codeOf(error) || codeOf(cause)
      reply({ failed: error instanceof Error ? error.message : String(error), code, id })
    }
  }

  return {
    ask(question, about, patienceMs) {
      const id = ++last
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          asked.delete(id)
          reject(new ChannelError(`no answer to ${question} within ${patienceMs} ms`))
        }, patienceMs)
        const over = <Value>(settle: (value: Value) => void) => {
          return (value: Value) => {
            asked.delete(id)
            clearTimeout(timer)
            settle(value)
          }
        }
        const entry: Asked = { resolve: over((value) => resolve(value as never)), reject: over(reject) }
        asked.set(id, entry)
        try {
          if (ended !== undefined) throw new Error(ended)
          send({ ask: question, id, about } satisfies Message)
        } catch (error) {
          entry.reject(new ChannelError(`${question} could not be asked: ${(error as Error).message}`))
        }
      })
    },
    receive(received) {
      if (typeof received !== 'object' || received === null || !('id' in received)) return
      const message = received as Message
      if ('ask' in message) void answer(message.ask, message.id, message.about)
      else if ('failed' in message) asked.get(message.id)?.reject(new ChannelError(message.failed, message.code))
      else asked.get(message.id)?.resolve(message.answer)
    },
    end(why = 'it has ended') {
      ended = why
      for (const { reject } of [...asked.values()]) reject(new ChannelError('the other process has ended'))
    },
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
