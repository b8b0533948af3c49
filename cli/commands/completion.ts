/**
 * `mq completion bash|zsh|fish`: prints a script that completes commands, options and the words an argument takes.
 * It is made from the commands themselves, so it cannot know an option that is not there, or miss one that is; and it
 * is static, so a Tab key never starts Node.
 */
import { Argument, type Command } from 'commander';
import { buildWholeProgram } from '../main.ts';
import { addExamples, addJsonOption } from '../options.ts';
import { STAGES } from '../target-name.ts';
import type { Terminal } from '../terminal.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

interface CompletedOption {
  readonly long: string;
  readonly about: string;
  readonly takesValue: boolean;
  /** `--overflow`, or `--message` and `-m`. */
  readonly spellings: readonly string[];
  /** The words it takes; empty when it takes any. */
  readonly words: readonly string[];
}

/** One command as completions see it. */
interface Completed {
  /** `send`, or `topics create`. */
  readonly path: string;
  readonly summary: string;
  readonly options: readonly CompletedOption[];
  /** Words that may stand after it: subcommands, stages, shells. */
  readonly words: readonly string[];
}

export function define(command: Command, terminal: Terminal): void {
  command.addArgument(new Argument('<shell>', 'the shell to complete in').choices(SHELLS));
  addJsonOption(command, 'the script as a string');
  addExamples(
    command,
    'mq completion bash > ~/.local/share/bash-completion/completions/mq',
    'mq completion zsh > "$' + '{fpath[1]}/_mq"',
    'mq completion fish > ~/.config/fish/completions/mq.fish',
  );
  command.action(async (shell: Shell, options: { json?: boolean }) => {
    const script = SCRIPTS[shell](completedCommands(await buildWholeProgram(terminal), ''));
    if (options.json) await terminal.printJson({ shell, script });
    else await terminal.write(script);
  });
}

function completedCommands(command: Command, path: string): Completed[] {
  const below = command.commands.flatMap((child) => completedCommands(child, `${path} ${child.name()}`.trim()));
  const options = command.options.concat(command.createHelp().visibleOptions(command).slice(-1));
  const ownOptions = options.map((option) => ({
    long: option.long ?? '',
    about: option.description,
    takesValue: option.required || option.optional,
    spellings: [option.short, option.long].filter((flag) => flag !== undefined),
    words: option.argChoices ?? [],
  }));
  const words = [
    ...command.commands.map((child) => child.name()),
    ...command.registeredArguments.flatMap((argument) => wordsOf(argument)),
  ];
  return [{ path, summary: command.summary(), options: ownOptions, words }, ...below];
}

function wordsOf(argument: Argument): readonly string[] {
  return argument.name() === 'target' ? STAGES.map(String) : (argument.argChoices ?? []);
}

const SCRIPTS: Readonly<Record<Shell, (commands: readonly Completed[]) => string>> = {
  bash: (commands) => `# bash completion for mq
_mq() {
  local current=\${COMP_WORDS[COMP_CWORD]} typed="" word
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$typed $word" in
${typedCases(commands, '      ')}
    esac
  done
  case "$typed \${COMP_WORDS[COMP_CWORD-1]}" in
${valueCases(commands, (words) => `COMPREPLY=($(compgen -W ${quoted(words)} -- "$current"))`)}
  esac
  case "$typed" in
${commands.map((command) => `    ${quoted(command.path)}) COMPREPLY=($(compgen -W ${quoted(allWords(command))} -- "$current")) ;;`).join('\n')}
  esac
}
complete -o default -F _mq mq
`,
  // `path` would be the search path of zsh itself, so the word is `typed` here.
  zsh: (commands) => `#compdef mq
# zsh completion for mq
_mq() {
  local typed="" word
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$typed $word" in
${typedCases(commands, '      ')}
    esac
  done
  case "$typed \${words[CURRENT-1]}" in
${valueCases(commands, (words) => `compadd -- ${words}`)}
  esac
  case "$typed" in
${commands.map((command) => `    ${quoted(command.path)}) compadd -- ${allWords(command)} ;;`).join('\n')}
  esac
}
if [ "$funcstack[1]" = "_mq" ]; then _mq "$@"; else compdef _mq mq; fi
`,
  fish: (commands) => `# fish completion for mq
${commands.flatMap(fishLines).join('\n')}
`,
};

/** Lines that turn the words typed so far into the path of a command. */
function typedCases(commands: readonly Completed[], indent: string): string {
  const named = commands.filter((command) => command.path !== '');
  return named
    .map(({ path }) => `${indent}${quoted(path.includes(' ') ? path : ` ${path}`)}) typed=${quoted(path)} ;;`)
    .join('\n');
}

/** Lines that complete the value of the option just typed, and nothing else; an option that takes any word gets none. */
function valueCases(commands: readonly Completed[], offer: (words: string) => string): string {
  const lines = commands.flatMap(({ path, options }) =>
    options
      .filter((option) => option.takesValue)
      .map(({ spellings, words }) => {
        const pattern = spellings.map((flag) => quoted(`${path} ${flag}`)).join('|');
        return `    ${pattern}) ${words.length === 0 ? '' : `${offer(words.join(' '))}; `}return ;;`;
      }),
  );
  return lines.join('\n');
}

function allWords(command: Completed): string {
  return [...command.words, ...command.options.map((option) => option.long)].join(' ');
}

function fishLines(command: Completed): string[] {
  const words = command.path.split(' ').filter((word) => word !== '');
  const condition = [
    words.length === 0
      ? '__fish_use_subcommand'
      : words.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and '),
  ];
  const prefix = `complete -c mq -n ${quoted(condition.join(''))}`;
  const lines = command.words.map((word) => `${prefix} -f -a ${quoted(word)}`);
  const options = command.options.map(({ long, about, takesValue, words: values }) => {
    const offered = values.length === 0 ? '' : ` -f -a ${quoted(values.join(' '))}`;
    return `${prefix} -l ${long.slice(2)}${takesValue ? ' -r' : ''}${offered} -d ${quoted(about)}`;
  });
  return [...lines, ...options];
}

/** In single quotes, as all three shells read them. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
