/** Starts the bare floor as its own process. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'

export interface Floor {
  readonly port: number
  stop(): void
}

export function startFloor(socket: string): Promise<Floor> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'floor.ts'), socket], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the floor ended with ${code}`)))
    child.stdout.on('data', (chunk) => {
      const port = /port (\d+)/.exec(String(chunk))
      if (port) resolve({ port: Number(port[1]), stop: () => void child.kill() })
    })
  })
}
