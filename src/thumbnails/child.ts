/**
 * The process that draws: an image on stdin, on stdout one line of JSON (`Drawn`) and then the thumbnails one after the
 * other. It ends with 3 and a reason on stderr for an image that cannot be drawn.
 */
import { cannotDraw } from './draw-command.ts'
import { draw } from './drawing.ts'
import { DrawingError } from './drawn.ts'
import { maxImageBytes } from './formats.ts'

/** Resolves to the exit code. */
export async function drawStdin(): Promise<number> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of process.stdin) {
    size += (chunk as Buffer).length
    if (size > maxImageBytes) return refuse('the image is too large')
    chunks.push(chunk as Buffer)
  }
  const image = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)
  chunks.length = 0
  try {
    const { drawn, contents } = await draw(image)
    await write(Buffer.concat([Buffer.from(`${JSON.stringify(drawn)}\n`), ...contents]))
    return 0
  } catch (error) {
    // What codecs print about broken images is useless.
    return refuse(error instanceof DrawingError ? error.message : 'the image is broken')
  }
}

function refuse(reason: string): number {
  process.stderr.write(`${reason}\n`)
  return cannotDraw
}

function write(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => process.stdout.write(bytes, (error) => (error ? reject(error) : resolve())))
}
