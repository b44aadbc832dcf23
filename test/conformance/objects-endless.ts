/** Puts a body that never ends into the store at the given URL, as `endless`, and tells when 30 MB of it are taken. */
import { silentLog } from '../../src/log.ts'
import { openObjects } from '../../src/objects.ts'

const store = await openObjects({ data_dir: '', objects_url: process.argv[2] }, silentLog)

async function* endless(): AsyncGenerator<Uint8Array> {
  const block = Buffer.alloc(1_000_000, 'endless ')
  for (let count = 0; count < 30; count++) yield block
  console.log('taken')
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    yield block.subarray(0, 1_000)
  }
}

await store.put('endless', endless())
