/** The README keeps its promises: its list of settings is the program's own, and its requests work when pasted. */
import { expect, test } from 'bun:test'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { runHearth, sharedServer } from '../support/server.ts'

const readme = readFileSync(join(import.meta.dirname, '..', '..', 'README.md'), 'utf8')

test('the list of settings is what `hearth config reference` prints', async () => {
  const { stdout } = await runHearth(['config', 'reference'])
  const list = /<!-- configuration -->\n([\s\S]*?)<!-- \/configuration -->/.exec(readme)?.[1]
  expect(list).toBe(stdout)
})

test('the first requests work when pasted', async () => {
  const server = await sharedServer()
  const pasted = /TOKEN=eyJ\.\.\.[\s\S]*?(?=\n```)/.exec(readme)?.[0] ?? ''
  const script = pasted
    .replace('eyJ...', await server.token('*'))
    .replaceAll('home.localhost:8080', server.domain)
    .replaceAll('http://127.0.0.1:8080', server.url)
  const separated = script.replace(/\n(?=hearth-curl )/g, '\necho "<next>"\n')
  const { stdout } = await promisify(execFile)('bash', ['-c', `shopt -s expand_aliases\n${separated}`])
  const answers = stdout.split('<next>').filter((part) => part.trim() !== '')
  const [created, index, found, all] = answers.map((part) => JSON.parse(part))
  expect(created).toMatchObject({ ok: true, type: 'org.example.notes', data: { title: 'Milk', price: 1.5 } })
  expect(index).toMatchObject({ result: 'created' })
  expect(found.docs).toMatchObject([{ title: 'Milk' }])
  expect(all.rows.length).toBe(2)
})

test('the requests about files work when pasted', async () => {
  const server = await sharedServer()
  const opening = /TOKEN=eyJ\.\.\.\nalias .*\n/.exec(readme)?.[0] ?? ''
  const requests = /Files:\n\n```sh\n([\s\S]*?)\n```/.exec(readme)?.[1] ?? ''
  const script = (opening + requests)
    .replace('eyJ...', await server.token('*'))
    .replaceAll('home.localhost:8080', server.domain)
    .replaceAll('http://127.0.0.1:8080', server.url)
  const { stdout } = await promisify(execFile)('bash', ['-c', `shopt -s expand_aliases\n${script}`])
  expect(stdout).toContain('"name":"Bills"')
  expect(stdout.match(/"name":"hello.txt"/g)).toHaveLength(2)
  expect(stdout).toContain('"mime":"text/plain"')
  expect(stdout).toContain('HTTP/1.1 206 ')
  expect(stdout).toContain('content-range: bytes 0-1/5')
  expect(stdout).toContain('"id":"io.cozy.settings.disk-usage"')
})
