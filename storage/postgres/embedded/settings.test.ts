import { expect, test } from 'bun:test'
import { layoutOf } from './layout.ts'
import { settingsText } from './settings.ts'
import { fits, socketFolders } from './socket.ts'

const gib = 2 ** 30

test.each([
  { memory: gib, freeDisk: gib, buffers: '64MB', wal: '128MB' },
  { memory: 2 * gib, freeDisk: 4 * gib, buffers: '128MB', wal: '256MB' },
])('buffers and write-ahead log fit the machine: $memory, $freeDisk', ({ memory, freeDisk, buffers, wal }) => {
  const text = settingsText('/s', { memory, freeDisk })
  expect(text).toContain(`\nshared_buffers = '${buffers}'\n`)
  expect(text).toContain(`\nmax_wal_size = '${wal}'\n`)
})

test('a folder with quotes and commas stays one folder', () => {
  const text = settingsText(`/it's a "b", c`, { memory: gib, freeDisk: gib })
  expect(text).toContain(`\nunix_socket_directories = '"/it''s a ""b"", c"'\n`)
})

test.each([
  { dataDir: '/var/lib/hearth', asRoot: true, first: '/var/lib/hearth/pg/18/socket' },
  { dataDir: `/${'d'.repeat(100)}`, asRoot: true, first: expect.stringMatching(/^\/run\/hearth-7-[0-9a-f]{12}$/) },
])('the socket goes to $first', ({ dataDir, asRoot, first }) => {
  expect(socketFolders(layoutOf(dataDir), 7, asRoot)[0]).toEqual(first)
})

test('the longest folder is such that the socket’s lock file ends at 107 bytes', () => {
  const longest = `/${'x'.repeat(107 - '/.s.PGSQL.5432.lock'.length - 1)}`
  expect(fits(longest)).toBe(true)
  expect(fits(`${longest}x`)).toBe(false)
  expect(fits(`/${'é'.repeat(50)}`)).toBe(false)
})
