/** Starts the bare floor as its own process. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'

export interface Floor {
  readonly port: number
  /** Puts documents into its table. */
  fill(rows: readonly { readonly id: string; readonly body: string }[]): Promise<void>
  stop(): void
}

/** `socket` is the folder of PostgreSQL's socket, `dataDir` a folder on the disk where Hearth keeps files. */
export function startFloor(socket: string, dataDir: string): Promise<Floor> {
  const folder = mkdtempSync(join(dataDir, 'bench-floor-'))
  const child = spawn(process.execPath, [join(import.meta.dirname, 'floor.ts'), socket, folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const floor = (port: number): Floor => ({
    port,
    async fill(rows) {
      const sql = postgres({ host: socket, database: 'postgres', user: 'hearth', max: 1, onnotice: () => {} })
      await sql`INSERT INTO bench_floor (id, body)
        SELECT id, body::jsonb FROM unnest(${rows.map((row) => row.id)}::text[], ${rows.map((row) => row.body)}::text[]) AS t (id, body)`
      await sql`ANALYZE bench_floor`
      await sql.end()
    },
    stop() {
      child.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  })
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the floor ended with ${code}`)))
    child.stdout.on('data', (chunk) => {
      const port = /port (\d+)/.exec(String(chunk))
      if (port) resolve(floor(Number(port[1])))
    })
  })
}
