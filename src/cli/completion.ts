/** `hearth completion SHELL` and `hearth man`: both are made from the commands that there are. */
import type { Command } from 'commander'
import { StartupError } from '../model/startup-error.ts'
import { manPage } from './man.ts'
import type { Output } from './output.ts'

/** Words that may follow the words so far: names of commands and flags. */
export interface CompletionWords {
  /** The commands so far, separated by blanks; empty at the start. */
  readonly path: string
  readonly words: readonly string[]
}

/** What may follow each command, the program itself first. */
export function completionWords(command: Command, path: readonly string[] = []): readonly CompletionWords[] {
  const subcommands = command.commands.filter((sub) => sub.name() !== 'help')
  const flags = command.options.flatMap(({ long }) => (long ? [long] : []))
  const own = { path: path.join(' '), words: [...subcommands.map((sub) => sub.name()), ...flags, '--help'] }
  return [own, ...subcommands.flatMap((sub) => completionWords(sub, [...path, sub.name()]))]
}

/** Adds `hearth completion` and `hearth man`. */
export function addCompletionCommands(program: Command, output: Output): void {
  program
    .command('completion <shell>')
    .description('print a completion script for bash, zsh or fish')
    .addHelpText(
      'after',
      '\nbash: hearth completion bash > /etc/bash_completion.d/hearth\nzsh:  hearth completion zsh > ~/.zfunc/_hearth\nfish: hearth completion fish > ~/.config/fish/completions/hearth.fish',
    )
    .action((shell: string) => {
      const script = scripts[shell]
      if (script === undefined) throw new StartupError(`there is no completion for ${shell}: use bash, zsh or fish`)
      output.out(script(completionWords(program)))
    })
  program
    .command('man')
    .description('print the manual page, in the format of man(7)')
    .action(() => output.out(manPage(program)))
}

const scripts: Readonly<Record<string, (words: readonly CompletionWords[]) => string>> = { bash, zsh, fish }

function cases(words: readonly CompletionWords[]): string {
  return words.map(({ path, words: next }) => `    '${path}') words='${next.join(' ')}' ;;`).join('\n')
}

function bash(words: readonly CompletionWords[]): string {
  return `# bash completion for hearth
_hearth() {
  local path='' word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  while :; do
    case "$path" in
${cases(words)}
    esac
    [ -n "$words" ] || [ -z "$path" ] && break
    case "$path" in *' '*) path="\${path% *}" ;; *) path='' ;; esac
  done
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _hearth hearth
`
}

function zsh(words: readonly CompletionWords[]): string {
  return `#compdef hearth
# zsh completion for hearth
_hearth() {
  local route='' word words_next=''
  for word in "\${(@)words[2,CURRENT-1]}"; do
    [[ "$word" == -* ]] || route="\${route:+$route }$word"
  done
  while true; do
    case "$route" in
${cases(words).replaceAll('words=', 'words_next=')}
    esac
    [[ -n "$words_next" || -z "$route" ]] && break
    [[ "$route" == *' '* ]] && route="\${route% *}" || route=''
  done
  compadd -- \${(s: :)words_next} || _files
}
compdef _hearth hearth
`
}

function fish(words: readonly CompletionWords[]): string {
  const lines = words.flatMap(({ path, words: next }) => {
    const parts = path === '' ? [] : path.split(' ')
    const seen = parts.map((part) => `__fish_seen_subcommand_from ${part}`).join('; and ')
    const condition = seen === '' ? '__fish_use_subcommand' : seen
    return next.map((word) =>
      word.startsWith('--')
        ? `complete -c hearth -n '${condition}' -l ${word.slice(2)}`
        : `complete -c hearth -n '${condition}' -a ${word}`,
    )
  })
  return `# fish completion for hearth\n${lines.join('\n')}\n`
}
