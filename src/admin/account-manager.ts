/** The operator's account manager, which wants to know when an owner's mail address or name has changed. */
import { ofContext } from '../config/contexts.ts'
import type { Config } from '../config/settings.ts'
import type { Instance } from '../instances/service.ts'
import type { Log } from '../log.ts'
import type { JsonObject } from '../model/json/value.ts'
import type { Outgoing } from '../outgoing/outgoing.ts'

export interface AccountManager {
  /** Reports an instance's settings to it. Does nothing where none is configured; a failure is only logged. */
  tell(instance: Instance, settings: JsonObject): Promise<void>
}

export interface AccountManagerOptions {
  readonly clouderies: Config['clouderies']
  readonly outgoing: Pick<Outgoing, 'fetch'>
  readonly log: Log
}

const answerMs = 10_000

export function newAccountManager({ clouderies, outgoing, log }: AccountManagerOptions): AccountManager {
  return {
    async tell({ document, domain }, settings) {
      const { context, uuid, locale } = document
      const api = ofContext(clouderies, typeof context === 'string' ? context : undefined)?.api
      if (api === undefined || typeof uuid !== 'string' || uuid === '') return
      const url = new URL(`/api/v1/instances/${encodeURIComponent(uuid)}?source=stack`, api.url)
      const body = { locale, email: settings['email'], public_name: settings['public_name'] }
      try {
        const answer = await outgoing.fetch(url, {
          method: 'PUT',
          headers: {
            'content-type': 'application/json',
            ...(api.token === undefined ? {} : { authorization: `Bearer ${api.token}` }),
          },
          body: JSON.stringify(body),
          answerMs,
        })
        await answer.body?.cancel()
        if (!answer.ok) log.warning('the account manager refused a change', { instance: domain, status: answer.status })
      } catch (error) {
        log.warning('the account manager could not be told of a change', { instance: domain, error })
      }
    },
  }
}
