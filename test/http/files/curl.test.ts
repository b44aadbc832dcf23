/** A person's session with curl, command by command. */
import { beforeAll, expect, test } from 'bun:test'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDrive, startDrives } from './drive.ts'

beforeAll(startDrives, 60_000)

test('a session with curl', async () => {
  const drive = await openDrive()
  const folder = mkdtempSync(join(tmpdir(), 'hearth-curl-'))
  writeFileSync(join(folder, 'a.txt'), 'hello from a\n')
  writeFileSync(join(folder, 'b.txt'), 'and from b\n')
  const environment = {
    ...process.env,
    H: drive.server.url,
    B: `Authorization: Bearer ${await drive.token('*')}`,
    D: `Host: ${drive.domain}`,
    J: 'Content-Type: application/vnd.api+json',
    T: 'Content-Type: text/plain',
  }
  /** Status and body; a body of JSON is parsed. */
  const curl = (command: string, variables: object = {}) => {
    const script = `curl -sS -w '\\n%{http_code}' -H "$B" -H "$D" ${command}`
    const done = spawnSync('sh', ['-c', script], {
      cwd: folder,
      env: { ...environment, ...variables },
      encoding: 'utf8',
    })
    expect(done.stderr).toBe('')
    const end = done.stdout.lastIndexOf('\n')
    const body = done.stdout.slice(0, end)
    return { status: Number(done.stdout.slice(end + 1)), body: body.startsWith('{') ? JSON.parse(body) : body }
  }
  if (spawnSync('curl', ['--version']).error !== undefined)
    return console.warn('curl is not installed: a test is skipped')

  const made = curl('-X POST "$H/files/?Type=directory&Name=Bills"')
  expect(made.status).toBe(201)
  const DIR = made.body.data.id as string

  const MD5 = `Content-MD5: ${createHash('md5').update('hello from a\n').digest('base64')}`
  const uploaded = curl('-X POST -H "$T" --data-binary @a.txt -H "$MD5" "$H/files/$DIR?Type=file&Name=a.txt"', {
    DIR,
    MD5,
  })
  expect([uploaded.status, uploaded.body.data.attributes.size]).toEqual([201, '13'])
  const ID = uploaded.body.data.id as string
  const REV = uploaded.body.data.meta.rev as string

  const overwritten = curl('-X PUT -H "If-Match: $REV" -H "$T" --data-binary @b.txt "$H/files/$ID"', { REV, ID })
  expect([overwritten.status, overwritten.body.data.attributes.size]).toEqual([200, '11'])
  expect(curl('-X PUT -H "If-Match: $REV" -H "$T" --data-binary @b.txt "$H/files/$ID"', { REV, ID }).status).toBe(412)

  const found = curl('"$H/files/metadata?Path=/Bills/a.txt"')
  expect([found.status, found.body.data.id]).toEqual([200, ID])

  expect(curl('-H "Range: bytes=0-9" "$H/files/download/$ID?Dl=1"', { ID })).toEqual({
    status: 206,
    body: 'and from b',
  })

  const moved = curl(
    '-X PATCH -H "$J" -d \'{"data":{"attributes":{"name":"z.txt","dir_id":"io.cozy.files.root-dir"}}}\' "$H/files/$ID"',
    { ID },
  )
  expect([moved.status, moved.body.data.attributes.name]).toEqual([200, 'z.txt'])

  expect(curl('-X DELETE "$H/files/$ID"', { ID }).body.data.attributes.trashed).toBe(true)
  expect(curl('-X POST "$H/files/trash/$ID"', { ID }).body.data.attributes.trashed).toBe(false)
  expect(curl('-X DELETE "$H/files/trash"')).toEqual({ status: 204, body: '' })

  const archive = curl(
    '-X POST -H "$J" -d \'{"data":{"attributes":{"name":"all","files":["/Bills"]}}}\' "$H/files/archive"',
  )
  expect([archive.status, archive.body.links.related]).toEqual([
    200,
    expect.stringMatching(/^\/files\/archive\/\w+\/all\.zip$/),
  ])

  const usage = curl('"$H/settings/disk-usage?include=trash"')
  expect(usage.body.data.attributes).toMatchObject({ files: '11', trash: '0' })
  rmSync(folder, { recursive: true })
}, 20_000)
