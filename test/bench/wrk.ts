/** Load by `wrk` (https://github.com/wg/wrk): a script in Lua names the requests and prints what came of them. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { HttpRequest, Load, LoadResult } from './load.ts'

/** Requests are read from a file, since a function in Lua holds 65,536 texts at most. */
const script = (requests: string, firstNumber: number) => `
local all, at, n = {}, 0, ${firstNumber}
init = function()
  for line in io.lines(${JSON.stringify(requests)}) do
    local method, path, body = line:match("^(.-)\\t(.-)\\t(.*)$")
    if body == "" then body = nil end
    local numbered = path:find("{n}", 1, true)
    all[#all + 1] = { method, path, body, not numbered and wrk.format(method, path, nil, body) }
  end
end
request = function()
  at = at % #all + 1
  local one = all[at]
  if one[4] then return one[4] end
  n = n + 1
  return wrk.format(one[1], (one[2]:gsub("{n}", string.format("%d", n))), nil, one[3])
end
done = function(summary, latency)
  local e = summary.errors
  print(string.format("RESULT %d %d %d %f %f", summary.requests, summary.duration,
    e.status + e.connect + e.read + e.write + e.timeout, latency:percentile(50), latency:percentile(99)))
end
`

/** Runs `wrk` with one thread. `firstNumber` is the first that replaces `{n}`. */
export async function loadByWrk(program: string, load: Load, firstNumber: number): Promise<LoadResult> {
  const folder = mkdtempSync(join(tmpdir(), 'hearth-wrk-'))
  try {
    const [lines, lua] = [join(folder, 'requests'), join(folder, 'load.lua')]
    writeFileSync(lines, load.requests.map(asLine).join(''))
    writeFileSync(lua, script(lines, firstNumber))
    const headers = [`Host: ${load.host}`, 'Content-Type: application/json']
    if (load.authorization !== undefined) headers.push(`Authorization: ${load.authorization}`)
    const named = headers.flatMap((header) => ['-H', header])
    // It takes whole seconds only.
    const seconds = Math.max(1, Math.round(load.seconds))
    const address = `http://127.0.0.1:${load.port}/`
    const args = ['-t1', `-c${load.connections}`, `-d${seconds}s`, '--timeout', '30s', '-s', lua, ...named, address]
    const { stdout } = await promisify(execFile)(program, args)
    const found = /RESULT (\d+) (\d+) (\d+) ([\d.]+) ([\d.]+)/.exec(stdout)
    if (found === null) throw new Error(`wrk printed no result: ${stdout}`)
    const [requests = 0, microseconds = 1, errors = 0, p50 = 0, p99 = 0] = found.slice(1).map(Number)
    return { perSecond: (requests / microseconds) * 1e6, p50Ms: p50 / 1_000, p99Ms: p99 / 1_000, errors }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function asLine({ method, path, body = '' }: HttpRequest): string {
  if (/[\t\n]/.test(path + body)) throw new Error('a request with a tab or a line end cannot be put into a script')
  return `${method}\t${path}\t${body}\n`
}
