/**
 * The only file that asks which runtime this is. Hearth runs on Bun (also compiled into one binary) and on Deno; all
 * other files use `node:` and Web APIs, which both have.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const globals = globalThis as unknown as {
  readonly Bun?: { readonly version: string }
  readonly Deno?: { readonly version: { readonly deno: string }; readonly dlopen?: OpenLibrary }
}

type OpenLibrary = (
  path: string,
  functions: { readonly renameat2: object },
) => { readonly symbols: { renameat2(...args: readonly unknown[]): number } }

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

const renameat2 = process.platform === 'linux' ? findRename() : undefined

/** Flags of Linux's renameat2(2): refuse to replace anything, or let two files change places in one step. */
export const renameFlags = { noReplace: 1, exchange: 2 } as const

/**
 * Renames with one of `renameFlags`. False when it did not happen: because of the files, or because the file system or
 * this machine cannot do it; then nothing has changed.
 */
export function renameWith(flag: number, from: string, to: string): boolean {
  if (renameat2 === undefined || from.includes('\0') || to.includes('\0')) return false
  const currentFolder = -100
  return renameat2(currentFolder, Buffer.from(`${from}\0`), currentFolder, Buffer.from(`${to}\0`), flag) === 0
}

function findRename(): ((...args: readonly unknown[]) => number) | undefined {
  const { Deno } = globals
  try {
    if (Deno?.dlopen !== undefined) {
      const parameters = ['i32', 'buffer', 'i32', 'buffer', 'u32']
      return Deno.dlopen('libc.so.6', { renameat2: { parameters, result: 'i32' } }).symbols.renameat2
    }
    const ffi = process.getBuiltinModule('bun:ffi') as unknown as { readonly dlopen: OpenLibrary } | undefined
    const args = ['i32', 'cstring', 'i32', 'cstring', 'u32']
    return ffi?.dlopen('libc.so.6', { renameat2: { args, returns: 'i32' } }).symbols.renameat2
  } catch {
    return undefined
  }
}
