import { expect, test } from 'bun:test'
import { silentLog } from '../log.ts'
import { newCrew } from './crew.ts'

const start = () => ({ version: '', config: null, database: null, port: 0, terminal: false })

test('the program is gone from the disk -> the start fails and says so, and nothing is left to stop', async () => {
  const { execPath } = process
  process.execPath = '/nonexistent/hearth'
  try {
    const crew = newCrew({ count: 2, log: silentLog, start, onInstancesChanged: () => {} })
    expect(await crew.begin().catch((error: Error) => error.message)).toContain('ENOENT')
    await crew.stop(60_000)
  } finally {
    process.execPath = execPath
  }
})
