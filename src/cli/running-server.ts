/** The store and what is served from it, which can be closed and opened again while the listeners stay open. */
import type { App } from '../app.ts'
import type { OpenedStore } from '../store.ts'

export interface ServerParts {
  openStore(): Promise<OpenedStore>
  openApp(store: OpenedStore['store']): Promise<App>
  /** Leads requests to an app, or to what answers while there is none. */
  lead(app: App | undefined): void
}

export interface RunningServer {
  readonly app: App
  /** The same; `undefined` while it is closed. */
  readonly current: App | undefined
  /** Where PostgreSQL is, or was before it was closed. */
  readonly target: OpenedStore['target']
  /** Resolves to the reason when a store is lost for good. */
  readonly failed: Promise<Error>
  /** Answers 503 and closes everything, lets `work` run, and opens everything again, also when `work` rejects. */
  whileClosed(work: () => Promise<void>): Promise<void>
  /** Ends the answers that would otherwise never end. */
  endFeeds(): void
  close(): Promise<void>
}

/** Opens the app over a store that is open. */
export async function runServer(parts: ServerParts, first: OpenedStore): Promise<RunningServer> {
  let store: OpenedStore | undefined = first
  let app: App | undefined
  let fail: (error: Error) => void = () => {}
  const failed = new Promise<Error>((resolve) => {
    fail = resolve
  })
  const watch = ({ failed: lost }: OpenedStore) => void lost.then((error) => fail(error))

  async function close(): Promise<void> {
    const [oldApp, oldStore] = [app, store]
    app = undefined
    store = undefined
    await oldApp?.close()
    await oldStore?.close()
  }

  watch(first)
  let { target } = first
  app = await parts.openApp(first.store)
  return {
    get app() {
      if (app === undefined) throw new Error('the server is closed')
      return app
    },
    get current() {
      return app
    },
    get target() {
      return target
    },
    failed,
    endFeeds: () => app?.endFeeds(),
    close,
    async whileClosed(work) {
      parts.lead(undefined)
      app?.endFeeds()
      await close()
      try {
        await work()
      } finally {
        store = await parts.openStore()
        target = store.target
        watch(store)
        app = await parts.openApp(store.store)
        parts.lead(app)
      }
    },
  }
}
