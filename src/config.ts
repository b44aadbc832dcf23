/** The process's own sources of configuration. What the settings are: config/schema.ts. */
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { type LoadedConfig, loadConfig } from './config/load.ts'

/** Loads the configuration from this process's environment and files. Throws ConfigError. */
export function loadProcessConfig(
  flags: Readonly<Record<string, unknown>> = {},
  configFile?: string | undefined,
): LoadedConfig {
  return loadConfig({
    flags,
    configFile,
    env: process.env,
    isRoot: process.getuid?.() === 0,
    home: homedir(),
    readFile: readIfThere,
  })
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}
