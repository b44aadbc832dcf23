/**
 * The only file that asks which runtime this is. Hearth runs on Bun (also compiled into one binary) and on Deno; all
 * other files use `node:` and Web APIs, which both have.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const globals = globalThis as {
  readonly Bun?: { readonly version: string }
  readonly Deno?: { readonly version: { readonly deno: string } }
}

/** A compiled Bun binary sees its own files below this folder, which exists nowhere else. */
const compiledRoot = '/$bunfs/'

/** What runs this program. */
export interface Runtime {
  readonly name: 'bun' | 'deno' | 'node'
  readonly version: string
}

/** What runs this program. */
export const runtime: Runtime = globals.Bun
  ? { name: 'bun', version: globals.Bun.version }
  : globals.Deno
    ? { name: 'deno', version: globals.Deno.version.deno }
    : { name: 'node', version: process.versions.node }

/** True in the one-file binary, false when running from the sources. */
export const isCompiled: boolean = import.meta.dirname?.startsWith(compiledRoot) ?? false

/** The file to run for another Hearth: the binary itself when compiled, else the runtime, which also needs a script. */
export const executable: string = process.execPath

/**
 * A path under which `node:fs` reads a file that the build embedded in the binary; undefined when there is none of this
 * name, which is always so when running from the sources.
 */
export function embeddedAsset(name: string): string | undefined {
  if (!isCompiled) return undefined
  const path = join(import.meta.dirname ?? compiledRoot, 'assets', name)
  return existsSync(path) ? path : undefined
}
