/** `hearth swift ...`: the objects of an instance, raw, by the admin API. */
import { createReadStream, createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { askAdmin } from './admin-client.ts'
import { adminTarget } from './admin-target.ts'
import { json, type Output } from './output.ts'
import { tableOf } from './table.ts'

interface Layouts {
  readonly total: number
  readonly [layout: string]: number | { readonly counter: number; readonly domains?: readonly string[] }
}

/** Adds `hearth swift`. */
export function addSwiftCommands(program: Command, output: Output): void {
  const swift = program
    .command('swift')
    .description('list, read, write and delete the objects of an instance; no document is looked at')

  swift
    .command('layouts')
    .description('count instances by the layout of their objects')
    .option('--show-domains', 'name the instances too')
    .option('--json', 'print it as JSON')
    .action(async (options: { showDomains?: boolean; json?: boolean }) => {
      const query = options.showDomains ? { show_domains: 'true' } : {}
      const answer = await askAdmin(await adminTarget(), 'GET', '/swift/layouts', { query })
      const layouts = (await answer.json()) as Layouts
      if (options.json) {
        output.out(json(layouts))
        return
      }
      const rows = Object.entries(layouts).flatMap(([name, count]) =>
        typeof count === 'number' ? [] : [{ name, count: count.counter, domains: count.domains ?? [] }],
      )
      output.out(
        tableOf(rows, [
          { title: 'LAYOUT', value: ({ name }) => name },
          { title: 'INSTANCES', value: ({ count }) => String(count) },
          { title: 'DOMAINS', value: ({ domains }) => domains.join(' ') },
        ]),
      )
    })

  swift
    .command('ls <domain>')
    .description('list the names of the objects')
    .option('--json', 'print it as JSON')
    .action(async (domain: string, options: { json?: boolean }) => {
      const answer = await askAdmin(await adminTarget(), 'GET', '/swift/vfs', { host: domain })
      const { objects_names: names } = (await answer.json()) as { objects_names: readonly string[] }
      output.out(options.json ? json(names) : names.map((name) => `${name}\n`).join(''))
    })

  swift
    .command('get <domain> <object> <file>')
    .description('write an object into a file; - is standard output')
    .action(async (domain: string, object: string, file: string) => {
      const answer = await askAdmin(await adminTarget(), 'GET', pathOfObject(object), { host: domain })
      const bytes = Readable.fromWeb(answer.body as never)
      if (file === '-') for await (const chunk of bytes) process.stdout.write(chunk as Uint8Array)
      else await pipeline(bytes, createWriteStream(file, { mode: 0o600 }))
    })

  swift
    .command('put <domain> <object> <file>')
    .description('store a file as an object, in place of what is there')
    .option('--content-type <type>', 'media type of the content')
    .action(async (domain: string, object: string, file: string, options: { contentType?: string }) => {
      const { size } = await stat(file)
      await askAdmin(await adminTarget(), 'PUT', pathOfObject(object), {
        host: domain,
        stream: createReadStream(file),
        headers: {
          'content-length': String(size),
          'content-type': options.contentType ?? 'application/octet-stream',
        },
      })
      output.err(`stored ${object}\n`)
    })

  swift
    .command('rm <domain> <object>')
    .description('delete an object')
    .action(async (domain: string, object: string) => {
      await askAdmin(await adminTarget(), 'DELETE', pathOfObject(object), { host: domain })
      output.err(`deleted ${object}\n`)
    })
}

function pathOfObject(name: string): string {
  return `/swift/vfs/${encodeURIComponent(name)}`
}
