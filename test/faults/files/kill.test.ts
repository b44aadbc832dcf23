/** SIGKILL during uploads: every acknowledged file reads back, and nothing else is left behind. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServer, type TestServer } from '../../support/server.ts'
import { type Acknowledged, FilesClient, fsck, someBytes } from './uploader.ts'

const uploaders = 16
const rounds = 10

describe('killed during 16 uploads', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'hearth-files-'))
  const acknowledged: Acknowledged[] = []
  let server: TestServer
  let token: string

  beforeAll(async () => {
    server = await startServer({ dataDir })
    token = await server.token('io.cozy.files', { expire: '1h' })
  }, 60_000)
  afterAll(async () => {
    await server?.killTree()
    rmSync(dataDir, { recursive: true, force: true })
  })

  /** Uploads until the server is dead. */
  async function load(round: number): Promise<number> {
    const client = new FilesClient(server, token)
    const before = acknowledged.length
    const refused: number[] = []
    let killed = false
    const uploading = Array.from({ length: uploaders }, async (_, n) => {
      for (let at = 0; !killed; at += 1) {
        try {
          const done = await client.upload(`r${round} u${n} ${at}`, someBytes())
          if ('status' in done) refused.push(done.status)
          else acknowledged.push(done)
        } catch {
          return
        }
      }
    })
    await Bun.sleep(800 + Math.random() * 1_000)
    await server.killTree()
    killed = true
    await Promise.all(uploading)
    // A server that dies may still say that a store is gone.
    expect(refused.filter((status) => status !== 503)).toEqual([])
    return acknowledged.length - before
  }

  test('the whole process tree, ten rounds', async () => {
    const written: number[] = []
    for (let round = 0; round < rounds; round += 1) {
      written.push(await load(round))
      server = await startServer({ dataDir })
      const client = new FilesClient(server, token)
      expect(await client.damage(acknowledged.slice(-2 * (written.at(-1) ?? 0)))).toEqual([])
      expect(await fsck(server)).toEqual([])
    }
    const client = new FilesClient(server, token)
    expect(await client.damage(acknowledged)).toEqual([])
    // What was stored but not acknowledged is complete, or fsck would say so; there is never less.
    expect(await client.count()).toBeGreaterThanOrEqual(acknowledged.length)
    // Rounds in which nothing was acknowledged prove nothing.
    expect(written.filter((count) => count > 10).length).toBeGreaterThan(7)
  }, 240_000)
})
