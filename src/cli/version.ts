import type { Command } from 'commander'
import { version } from '../version.ts'
import { json, type Output } from './output.ts'

/** Adds `hearth version`. */
export function addVersionCommand(program: Command, output: Output): void {
  program
    .command('version')
    .description('print the version, the runtime and the platform')
    .option('--json', 'as JSON: {version, runtime, platform}')
    .action((options: { json?: boolean }) => {
      const runtime = runtimeName()
      const platform = `${process.platform}-${process.arch}`
      output.out(options.json ? json({ version, runtime, platform }) : `hearth ${version} (${runtime}, ${platform})\n`)
    })
}

function runtimeName(): string {
  const { bun, deno, node } = process.versions
  if (bun !== undefined) return `bun ${bun}`
  return deno === undefined ? `node ${node}` : `deno ${deno}`
}
