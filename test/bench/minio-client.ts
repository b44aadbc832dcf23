/** What the `minio` client alone does, in a process of its own: `bun minio-client.ts URL BUCKET up|down NAME FILE`. */
import { createReadStream, statSync } from 'node:fs'
import { Client } from 'minio'

const [, , address = '', bucket = '', direction = '', name = '', file = ''] = process.argv
const url = new URL(address)
const client = new Client({
  endPoint: url.hostname,
  port: Number(url.port),
  useSSL: false,
  region: 'us-east-1',
  accessKey: decodeURIComponent(url.username),
  secretKey: decodeURIComponent(url.password),
})
const began = performance.now()
let bytes = 0
if (direction === 'up') {
  bytes = statSync(file).size
  await client.putObject(bucket, name, createReadStream(file, { highWaterMark: 2 ** 20 }), bytes)
} else {
  for await (const chunk of await client.getObject(bucket, name)) bytes += chunk.length
}
console.log(JSON.stringify({ bytes, seconds: (performance.now() - began) / 1_000 }))
process.exit()
