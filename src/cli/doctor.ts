import type { Command } from 'commander'
import { examine } from '../doctor.ts'
import { StartupError } from '../model/startup-error.ts'
import { json, type Output } from './output.ts'
import { addSettingsOptions, loadFromOptions } from './settings-options.ts'

/** Adds `hearth doctor`. */
export function addDoctorCommand(program: Command, output: Output): void {
  addSettingsOptions(
    program.command('doctor').description('check what a start needs: data directory, PostgreSQL, ports'),
  )
    .option('--json', 'as JSON: [{check, state, text}]')
    .action(async (options: { json?: boolean }, command: Command) => {
      const findings = await examine(loadFromOptions(command).config)
      if (options.json) output.out(json(findings))
      else {
        for (const { check, state, text } of findings) output.out(`${state.padEnd(8)} ${check.padEnd(15)} ${text}\n`)
      }
      if (findings.some(({ state }) => state === 'bad')) throw new StartupError('Hearth cannot start like this')
    })
}
