import { expect, test } from 'bun:test'
import type { DueTrigger, Firing, JobStore } from '../../storage/jobs/contract.ts'
import { silentLog } from '../log.ts'
import { Scheduler } from './scheduler.ts'

test('a trigger that cannot be fired does not hold up those behind it', async () => {
  const text = '{"type":"@webhook","worker":"log","domain":"a.test"}'
  const due: DueTrigger[] = ['bad', 'good'].map((id) => ({ prefix: 'p', id, text, version: '1', dueMs: undefined }))
  const fired = Promise.withResolvers<string>()
  const store: Partial<JobStore> = {
    watch: () => () => {},
    dueTriggers: async () => due,
    nextTrigger: async () => undefined,
    async fire({ trigger }: Firing) {
      if (trigger.id === 'bad') throw new Error('timestamp out of range')
      fired.resolve(trigger.id)
      return true
    },
  }
  const scheduler = new Scheduler({ store: store as JobStore, log: silentLog })
  scheduler.start()
  expect(await fired.promise).toBe('good')
  await scheduler.close()
})
