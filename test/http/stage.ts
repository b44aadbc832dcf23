/** The server of all scenario tables: one for the test run, ended with it (test/support/guardian.ts). */
import { startServer } from '../support/server.ts'
import type { Stage } from './scenarios.ts'

const shared: { stage?: Promise<Stage> } = {}

/** Starts the server at the first call; tables keep apart by using doctypes of their own. */
export function openStage(): Promise<Stage> {
  shared.stage ??= startServer().then((server) => {
    const tokens = new Map<string, Promise<string>>()
    return {
      fetch: (path, init) => server.fetch(path, init),
      token(scope) {
        const token = tokens.get(scope) ?? server.token(scope)
        tokens.set(scope, token)
        return token
      },
    }
  })
  return shared.stage
}
