/**
 * The command line of `mq`: which commands there are, and how any of them starts, fails and ends.
 *
 *     mq.js -> runProcess -> main(args, terminal) -> commands/<name>.ts
 *
 * Always true: a command's file is loaded only when that command is meant, so `mq --version` loads none of them; every
 * way to end is an exit code of exit.ts; nothing but `runProcess` ends the process.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { EXIT, failureOf, usageError } from './exit.ts';
import type { Asked } from './hints.ts';
import { addLanguageOption, pathOf } from './options.ts';
import { type Streams, Terminal } from './terminal.ts';
import { capitalized, nearest, printable } from './text.ts';

/** What a file of commands/ exports. */
export interface CommandModule {
  /** Adds arguments, options, examples and the action to `command`. */
  define(command: Command, terminal: Terminal): void;
}

interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<CommandModule>;
}

const COMMANDS: readonly CommandEntry[] = [
  { name: 'stage', summary: 'tell the story of a stage', load: () => import('./commands/stage.ts') },
  { name: 'limit', summary: 'run into what a stage cannot do', load: () => import('./commands/limit.ts') },
  {
    name: 'serve',
    summary: 'put a stage behind HTTP, TCP, STOMP, MQTT, OpenWire',
    load: () => import('./commands/serve.ts'),
  },
  { name: 'user', summary: 'say who may come into a server', load: () => import('./commands/user.ts') },
  { name: 'send', summary: 'send lines of standard input to a topic', load: () => import('./commands/send.ts') },
  {
    name: 'receive',
    summary: 'take messages from a topic and finish them',
    load: () => import('./commands/receive.ts'),
  },
  { name: 'fetch', summary: 'read a topic by offset, without taking', load: () => import('./commands/fetch.ts') },
  { name: 'topics', summary: 'list, create, delete, describe topics', load: () => import('./commands/topics.ts') },
  {
    name: 'groups',
    summary: 'list, create, delete, describe, seek groups',
    load: () => import('./commands/groups.ts'),
  },
  {
    name: 'connections',
    summary: 'show who is connected to a server',
    load: () => import('./commands/connections.ts'),
  },
  { name: 'dlq', summary: 'show, redrive or drop dead letters', load: () => import('./commands/dlq.ts') },
  { name: 'explain', summary: 'tell where a message is, and why', load: () => import('./commands/explain.ts') },
  {
    name: 'inspect',
    summary: 'look inside a log file, a folder or a live topic',
    load: () => import('./commands/inspect.ts'),
  },
  { name: 'verify', summary: 'look for damage in a data folder', load: () => import('./commands/verify.ts') },
  {
    name: 'repair',
    summary: 'set damaged parts of a data folder aside',
    load: () => import('./commands/repair.ts'),
  },
  { name: 'test', summary: 'run the conformance suite on any broker', load: () => import('./commands/test.ts') },
  { name: 'bench', summary: 'measure stages side by side', load: () => import('./commands/bench.ts') },
  { name: 'doctor', summary: 'see whether this machine has all it takes', load: () => import('./commands/doctor.ts') },
  { name: 'completion', summary: 'print completions for a shell', load: () => import('./commands/completion.ts') },
];

/** Runs the process this is: arguments, streams and exit code are its own. */
export async function runProcess(process: NodeJS.Process): Promise<void> {
  const terminal = new Terminal(process as unknown as Streams);
  const exitCode = await main(process.argv.slice(2), terminal);
  await terminal.flush();
  // Not process.exitCode: an input that is still open, or a poll on its way home, must not keep a finished command.
  process.exit(exitCode);
}

/** Runs one command line; resolves to its exit code and never rejects. */
export async function main(args: readonly string[], terminal: Terminal): Promise<number> {
  let asked: Asked = {};
  try {
    const named = COMMANDS.filter((entry) => args.includes(entry.name));
    const program = await buildProgram(terminal, named);
    program.hook('preAction', (_program, command) => {
      asked = askedOf(command);
    });
    await program.parseAsync(args, { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.wrongUse;
    const failure = failureOf(error, asked);
    if (failure.lines.length > 0) terminal.complain(...failure.lines);
    return failure.exitCode;
  }
}

/** The program with every command defined; completions are made from it. */
export function buildWholeProgram(terminal: Terminal): Promise<Command> {
  return buildProgram(terminal, COMMANDS);
}

async function buildProgram(terminal: Terminal, defined: readonly CommandEntry[]): Promise<Command> {
  const program = new Command('mq')
    .description(
      'A message queue in five stages: read it, run it, break it, measure it, rebuild it.\n' +
        'Without a command mq opens the screen, or tells every story when it has no terminal.',
    )
    .usage('[command] [options]')
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print the help of a command')
    .option('--json', 'print the stories as JSON')
    // So that the options above are those of `mq` alone, and `mq send --json` is the one of `send`.
    .enablePositionalOptions()
    .allowExcessArguments(true)
    .addHelpText(
      'after',
      '\nExamples:\n  $ mq\n  $ mq stage 1\n  $ mq serve 3\n  $ seq 5 | mq send numbers\n  $ mq receive numbers',
    )
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => void terminal.write(text).catch(() => undefined),
      writeErr: (text) => void terminal.stderr.write(text),
      outputError: (text, write) => {
        const lines = text
          .trimEnd()
          .replace(/^error: /, 'mq: ')
          .replace(/command-argument value (.*) is invalid for argument '(.+?)'\./, '$1 is invalid for <$2>.')
          .split('\n');
        write(lines.map((line) => `${printable(line)}\n`).join(''));
      },
    });
  addLanguageOption(program);
  program.action(() => openScreen(program, terminal));
  for (const entry of COMMANDS) {
    const command = program.command(entry.name).summary(entry.summary).allowExcessArguments(false);
    command.description(`${capitalized(entry.summary)}.`);
    command.showHelpAfterError(`    type: mq ${entry.name} --help`);
    if (defined.includes(entry)) (await entry.load()).define(command, terminal);
  }
  return program;
}

/** What failures of `command` are told in terms of. */
function askedOf(command: Command): Asked {
  const topicIndex = command.registeredArguments.findIndex((argument) => argument.name() === 'topic');
  const topic = command.args[topicIndex];
  const argumentNames = command.registeredArguments.map((argument) => `<${argument.name()}>`);
  const flags = [...command.options.map(({ long }) => long ?? ''), ...argumentNames];
  return { command: pathOf(command), flags, topic };
}

/** No command was named, or one that does not exist. */
async function openScreen(program: Command, terminal: Terminal): Promise<void> {
  const [unknown] = program.args;
  if (unknown !== undefined) {
    const near = nearest(
      unknown,
      COMMANDS.map(({ name }) => name),
    );
    const hint = near === undefined ? 'type: mq --help' : `did you mean: mq ${near}     (all commands: mq --help)`;
    throw usageError(`there is no command "${printable(unknown)}"`, hint);
  }
  const { runScreen } = await import('./commands/screen.ts');
  await runScreen(terminal, program.opts());
}

function readVersion(): string {
  const manifest = readFileSync(fileURLToPath(import.meta.resolve('stagemq/package.json')), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
