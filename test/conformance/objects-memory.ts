/** Writes and reads 256 MB in the store at the given URL, and says by how many MB the process grew meanwhile. */
import { silentLog } from '../../src/log.ts'
import { openObjects } from '../../src/objects.ts'

const mb = 1_000_000
const total = 256

const store = await openObjects({ data_dir: '', objects_url: process.argv[2] }, silentLog)

async function* megabytes(count: number): AsyncGenerator<Uint8Array> {
  const block = Buffer.alloc(mb, 'some text that repeats ')
  for (let index = 0; index < count; index++) yield block
}

async function growthDuring(work: () => Promise<unknown>): Promise<number> {
  Bun.gc(true)
  const before = process.memoryUsage.rss()
  let most = before
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss())
  }, 5)
  await work()
  clearInterval(timer)
  return Math.round((Math.max(most, process.memoryUsage.rss()) - before) / mb)
}

async function bodyOf(name: string): Promise<ReadableStream<Uint8Array>> {
  const found = await store.get(name)
  if (found === undefined) throw new Error(`${name} is not there`)
  return found.body
}

async function readAll(): Promise<void> {
  let size = 0
  for await (const chunk of await bodyOf('large')) size += chunk.length
  if (size !== total * mb) throw new Error(`read ${size} bytes`)
}

/** A store that does not wait would send everything meanwhile. */
async function readSlowly(): Promise<void> {
  const reader = (await bodyOf('large')).getReader()
  for (let count = 0; count < 10; count++) {
    if ((await reader.read()).done) throw new Error('the body ended early')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await reader.cancel()
}

await store.put('small', megabytes(20))
const writing = await growthDuring(() => store.put('large', megabytes(total)))
const reading = await growthDuring(readAll)
const readingSlowly = await growthDuring(readSlowly)
console.log(JSON.stringify({ writing, reading, readingSlowly }))
await store.close()
process.exit(0)
