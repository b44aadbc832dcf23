/** `hearth fsck DOMAIN`: asks a running server to check the files of an instance. */
import type { Command } from 'commander'
import { StartupError } from '../model/startup-error.ts'
import { type CheckRequest, checkFiles } from './admin-client.ts'
import { adminTarget } from './admin-target.ts'
import type { Output } from './output.ts'

/** Adds `hearth fsck`. Findings go out as they come; any of them makes the command fail. */
export function addFsckCommand(program: Command, output: Output): void {
  program
    .command('fsck <domain>')
    .description('check the files of an instance on a running server; prints a line of JSON for each finding')
    .option('--index', 'only whether the documents are consistent among themselves')
    .option('--files', 'only whether documents and stored content agree')
    .option('--fail-fast', 'end with the first finding')
    .option('--hash', 'read every byte of every file, to find damage on the disk')
    .action(async (domain: string, options: CheckRequest) => {
      let count = 0
      for await (const line of checkFiles(await adminTarget(), domain, options)) {
        output.out(`${line}\n`)
        count += 1
      }
      if (count > 0)
        throw new StartupError(`${count} ${count === 1 ? 'line says' : 'lines say'} that something is wrong`)
    })
}
