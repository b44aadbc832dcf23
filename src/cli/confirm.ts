import { createInterface } from 'node:readline/promises'
import { StartupError } from '../model/startup-error.ts'

export interface Question {
  /** What is going to happen, as a sentence's beginning: `Delete alice.example with all ...`. */
  readonly what: string
  /** What must be typed. */
  readonly domain: string
  /** Said when there is no terminal to ask on. */
  readonly otherwise: string
  /** Said when something else was typed. */
  readonly refused: string
}

/** Has the person at the terminal type the domain of what is going to be lost. @throws StartupError */
export async function confirmByDomain({ what, domain, otherwise, refused }: Question): Promise<void> {
  if (!process.stdin.isTTY) throw new StartupError(otherwise)
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const typed = await terminal.question(`${what}? Type its domain: `)
    if (typed.trim() !== domain) throw new StartupError(refused)
  } finally {
    terminal.close()
  }
}
