/** A server with the configuration of the recordings, and what it talks to. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServer } from '../../support/server.ts'
import { openNeighbours } from './neighbours.ts'
import type { Stage } from './player.ts'
import { openRawWriter, targetOf } from './raw-writer.ts'
import { folder } from './recordings.ts'

export interface OpenStage extends Stage {
  close(): Promise<void>
}

/** Addresses of the recording, by what listens there now. Nothing listens on port 5995. */
export async function openStage(): Promise<OpenStage> {
  const neighbours = await openNeighbours()
  const own = mkdtempSync(join(tmpdir(), 'hearth-recorded-'))
  const config = join(own, 'hearth.yaml')
  const text = readFileSync(join(folder, 'reference.yaml'), 'utf8')
    .replaceAll('http://127.0.0.1:5997', neighbours.url)
    .replaceAll('http://127.0.0.1:5996', neighbours.secondUrl)
    .replace('port: 5998', `port: ${neighbours.smtpPort}`)
  writeFileSync(config, `${text}\noutgoing:\n  allow_private: true\n`)
  const server = await startServer({ args: ['--config', config] })
  const raw = await openRawWriter(targetOf(server.dataDir))
  return {
    server,
    raw,
    neighbours,
    async close() {
      await raw.close()
      await server.stop()
      await neighbours.close()
      rmSync(own, { recursive: true, force: true })
    },
  }
}
