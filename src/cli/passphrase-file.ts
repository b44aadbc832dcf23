/** `hearth config passwd FILE`: the passphrase comes from the environment, a pipe, or the terminal without an echo. */

import { rename, rm, writeFile } from 'node:fs/promises'
import { toText } from '@std/streams'
import { hashPassphrase } from '../admin/passphrase.ts'
import { StartupError } from '../model/startup-error.ts'
import { streamFrom } from '../platform/stream-from.ts'

/** Writes one line `scrypt$...`, readable by the owner only; replaces the file at once or not at all. */
export async function writePassphraseFile(file: string): Promise<void> {
  const passphrase = process.env['HEARTH_ADMIN_PASSPHRASE'] || (await askPassphrase('twice'))
  if (passphrase === '') throw new StartupError('the passphrase is empty')
  const line = `${await hashPassphrase(passphrase)}\n`
  const temporary = `${file}.${process.pid}.tmp`
  try {
    await writeFile(temporary, line, { mode: 0o600, flag: 'wx' })
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw new StartupError(`cannot write ${file}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}

/** Asks at the terminal, twice when the passphrase is a new one; without a terminal reads one line of standard input. */
export async function askPassphrase(times: 'once' | 'twice'): Promise<string> {
  if (!process.stdin.isTTY) {
    const [line = ''] = (await toText(streamFrom(process.stdin))).split(/\r?\n/)
    return line
  }
  const first = await askHidden('Passphrase: ')
  if (times === 'twice' && (await askHidden('Once more: ')) !== first) {
    throw new StartupError('the two passphrases differ')
  }
  return first
}

/** One line from the terminal in raw mode: nothing is shown, backspace works, Ctrl-C gives up. */
function askHidden(question: string): Promise<string> {
  const { stdin, stderr } = process
  stderr.write(question)
  stdin.setRawMode(true)
  stdin.resume()
  return new Promise((resolve, reject) => {
    let typed = ''
    const finish = (settle: () => void) => {
      stdin.off('data', onData)
      stdin.setRawMode(false)
      stdin.pause()
      stderr.write('\n')
      settle()
    }
    const onData = (data: Buffer) => {
      for (const character of data.toString('utf8')) {
        if (character === '\r' || character === '\n') return finish(() => resolve(typed))
        if (character === '\u0003' || character === '\u0004') return finish(() => reject(new StartupError('given up')))
        typed = character === '\u007f' || character === '\b' ? typed.slice(0, -1) : typed + character
      }
    }
    stdin.on('data', onData)
  })
}
