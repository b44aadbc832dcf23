/**
 * Files of 16 kB over 32 connections. The floor of an upload is what durability costs: a temporary file, its fsync, a
 * rename and one durable insert.
 */
import { compare, type Row } from './compare.ts'
import type { Options } from './options.ts'
import type { HearthSide, Sides } from './sides.ts'

const connections = 32
const body = 'x'.repeat(16_000)
const stored = 2_000

export async function benchSmallFiles(sides: Sides, options: Options): Promise<Row[]> {
  const taking = [sides.hearth, ...(sides.before === undefined ? [] : [sides.before])]
  const upload = await compare(sides, options, {
    what: 'upload of 16 kB files, 32 connections',
    connections,
    target: 0.5,
    sides: taking,
    floor: [{ method: 'PUT', path: '/file/{n}', body }],
    requests: () => [{ method: 'POST', path: '/files/?Type=file&Name=posted{n}', body }],
  })
  const ids = new Map<object, readonly string[]>()
  for (const side of taking) ids.set(side, await store(side))
  const download = await compare(sides, options, {
    what: 'download of 16 kB files, 32 connections',
    connections,
    sides: taking,
    requests: (side) => (ids.get(side) ?? []).map((id) => ({ method: 'GET', path: `/files/download/${id}` })),
  })
  return [upload, download]
}

/** Uploads what is downloaded later; gives the ids. */
async function store({ server, authorization }: HearthSide): Promise<string[]> {
  const ids: string[] = []
  let next = 0
  const one = async () => {
    for (let at = next++; at < stored; at = next++) {
      const headers = { authorization }
      const response = await server.fetch(`/files/?Type=file&Name=small${at}`, { method: 'POST', headers, body })
      const { data } = (await response.json()) as { data: { id: string } }
      ids.push(data.id)
    }
  }
  await Promise.all(Array.from({ length: 16 }, one))
  return ids
}
