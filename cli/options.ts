/**
 * The options several commands share, and how a text on the command line becomes a number, a header or a place.
 *
 * Always true: a value out of range is refused here, before anything is sent, with the option's name and the range.
 */
import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import type { RetryDelays, SeekTarget } from '../shared/contract/description.ts';
import type { Filter } from '../shared/contract/filter.ts';
import { usageError } from './exit.ts';
import { checkStage, DEFAULT_URL, STAGES } from './target-name.ts';
import { capitalized, nearest } from './text.ts';

/** What every command that talks to a running server takes. */
export interface TargetOptions extends AccessOptions {
  readonly target?: string;
}

/** Who asks, and whom it trusts. */
export interface AccessOptions {
  readonly token?: string;
  readonly user?: string;
  readonly ca?: string;
}

export interface JsonOption {
  readonly json?: boolean;
}

/** The words that name `command`, without `mq`: `send`, `groups seek`. */
export function pathOf(command: Command): string {
  const { parent } = command;
  return parent?.parent ? `${pathOf(parent)} ${command.name()}` : command.name();
}

/** A command below another, such as `mq topics create`; all of them talk to a server and print an answer. */
export function addSubcommand(
  parent: Command,
  subcommand: { readonly usage: string; readonly summary: string; readonly isDefault?: boolean },
): Command {
  const { usage, summary, isDefault = false } = subcommand;
  const added = parent
    .command(usage, { isDefault })
    .summary(summary)
    .description(`${capitalized(summary)}.`);
  added.allowExcessArguments(false).showHelpAfterError(`    type: mq ${pathOf(added)} --help`);
  return addJsonOption(addTargetOptions(added), 'the answer');
}

/** `mq topics frob`: refuses a word that is neither a subcommand nor an argument of the one that runs without a name. */
export function refuseExcess(list: Command, given: { readonly expectedCount: number; readonly example: string }): void {
  const word = list.args[given.expectedCount];
  if (word === undefined) return;
  const [first = word] = list.args;
  const family = list.parent ?? list;
  const near = nearest(
    first,
    family.commands.map((command) => command.name()),
  );
  const meant = near === undefined ? given.example : `mq ${pathOf(family)} ${near}`;
  throw usageError(
    `mq ${pathOf(family)} has no "${first}"`,
    `did you mean: ${meant}     (all: mq ${pathOf(family)} --help)`,
  );
}

/** `--target`, and who asks and trusts whom: `--token`, `--user`, `--ca`. */
export function addTargetOptions(command: Command): Command {
  const about = `the server: http, https, mq or mqs:// (default: $MQ_TARGET, else ${DEFAULT_URL})`;
  return addAccessOptions(command.option('--target <url>', about));
}

/** `--token`, `--user` and `--ca`. */
export function addAccessOptions(command: Command): Command {
  return command
    .option('--token <token>', 'bearer token of the server (default: $MQ_TOKEN)')
    .option('--user <name>', 'user (default: $MQ_USER); its password comes from $MQ_PASSWORD, or is asked for')
    .option('--ca <file>', 'who signs the certificate of the server, PEM (default: $MQ_CA, else whom Node trusts)');
}

/** `--json`; `what` says what is printed. */
export function addJsonOption(command: Command, what: string): Command {
  return command.option('--json', `print ${what} as JSON`);
}

/** Which messages, in the words of docs/selectors.md. */
export interface FilterFlags {
  readonly selector?: string;
  readonly tag?: readonly string[];
}

/** `--selector` and `--tag`; `unmatched` says what becomes of the messages that do not match. */
export function addFilterOptions(command: Command, unmatched: string): Command {
  return command
    .option('--selector <condition>', `only what matches, such as "price > 10" (stage 5); ${unmatched}`)
    .option('--tag <tag>', 'only messages with this tag; may be repeated: any of them (stage 5)', gathered);
}

/** The flags as the contract has them; undefined: everything. */
export function filterOf({ selector, tag: tags }: FilterFlags): Filter | undefined {
  return selector === undefined && tags === undefined ? undefined : { selector, tags };
}

/** Lines at the end of `--help`, each a command that works as it stands. */
export function addExamples(command: Command, ...examples: readonly string[]): Command {
  return command.addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ ${example}`).join('\n')}`);
}

/** The argument `<stage>`: the number of a stage that is built. */
export function stageArgument(): Argument {
  const argument = new Argument('<stage>', 'number of the stage').argParser((text) => {
    if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It takes the number of a stage.');
    return checkStage(Number(text));
  });
  // For help and completions only: checkStage says it better than a list of choices does.
  argument.argChoices = STAGES.map(String);
  return argument;
}

/** `--lang` of what speaks both languages. */
export function addLanguageOption(command: Command): Command {
  const about = 'language of stories, limits and the screen: en or zh (default: from LC_ALL, LC_MESSAGES, LANG)';
  return command.option('--lang <language>', about);
}

/** The language asked for behind the command, else before it: `mq stage 1 --lang zh`, `mq --lang zh stage 1`. */
export function languageAsked(command: Command): string | undefined {
  return command.opts<{ lang?: string }>().lang ?? command.parent?.opts<{ lang?: string }>().lang;
}

export interface Range {
  readonly min: number;
  readonly max?: number;
}

/** A parser for a whole number within an inclusive range. */
export function wholeNumber(range: Range): (text: string) => number {
  const { min, max = Number.MAX_SAFE_INTEGER } = range;
  return (text) => {
    const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!Number.isSafeInteger(value) || value < min || value > max) {
      const bounds = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
      throw new InvalidArgumentError(`It takes a whole number ${bounds}.`);
    }
    return value;
  };
}

/** `--codec`; none of them is `none`, which is leaving it out. */
export function codecOption(about: string): Option {
  return choice('--codec <name>', about, ['gzip', 'zstd']);
}

/** An option that takes one of some words: refused otherwise, listed in help, offered by completions. */
export function choice<Word extends string>(flags: string, about: string, words: readonly Word[]): Option {
  return new Option(flags, about).choices(words);
}

/** A parser that gathers what an option given several times was given. */
export function gathered(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}

/** A parser for `name=value`, given once or several times. */
export function headerPair(text: string, before: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('It takes name=value, such as --header color=red.');
  // Without a prototype: a header may be called __proto__.
  const headers: Record<string, string> = Object.assign(Object.create(null), before);
  headers[text.slice(0, equals)] = text.slice(equals + 1);
  return headers;
}

/** A parser for where to begin: `earliest`, `latest` or an offset. */
export function startPlace(text: string): 'earliest' | 'latest' | { readonly offset: number } {
  if (text === 'earliest' || text === 'latest') return text;
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return { offset: Number(text) };
  throw new InvalidArgumentError('It takes earliest, latest or an offset.');
}

/** A parser for a moment, in epoch ms: 2026-11-20T08:00:00Z, or without the Z in the time of this machine. */
export function moment(text: string): number {
  const timestamp = epochMsOf(text);
  if (timestamp === undefined) throw new InvalidArgumentError('It takes a time such as 2026-11-20T08:00:00Z.');
  return timestamp;
}

function epochMsOf(text: string): number | undefined {
  const timestamp = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(timestamp) ? undefined : timestamp;
}

/** A parser for where to go: a place to begin, or a time such as 2026-11-20T08:00:00Z. */
export function seekTarget(text: string): SeekTarget {
  const timestamp = epochMsOf(text);
  if (timestamp !== undefined) return { timestamp };
  try {
    return startPlace(text);
  } catch {
    throw new InvalidArgumentError('It takes earliest, latest, an offset, or a time such as 2026-11-20T08:00:00Z.');
  }
}

/**
 * A parser for how long what failed waits: `classic`, `1000,5000,30000` (the last one for ever), `1000..60000` (twice as
 * long each time), or as JSON `{"firstMs", "delayMsMax", "factor"?, "jitter"?}`.
 */
export function retryDelays(text: string): RetryDelays {
  const [, first, max] = /^(\d+)\.\.(\d+)$/.exec(text) ?? [];
  if (text === 'classic') return 'classic';
  if (/^\d+(,\d+)*$/.test(text)) return text.split(',').map(Number);
  if (first !== undefined && max !== undefined && Number(first) <= Number(max)) {
    return { firstMs: Number(first), delayMsMax: Number(max) };
  }
  const parsed = parsedJson(text);
  if (typeof parsed === 'object' && parsed !== null && 'firstMs' in parsed && 'delayMsMax' in parsed) {
    return parsed as RetryDelays;
  }
  throw new InvalidArgumentError('It takes classic, ms,ms,... or ms..ms, such as 1000,5000 or 1000..60000.');
}

/** undefined for what is no JSON. */
function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `--max`, with no end as its default. */
export function addMaxOption(command: Command, about: string): Command {
  const max = new Option('--max <n>', about).argParser(wholeNumber({ min: 1 }));
  return command.addOption(max.default(Number.POSITIVE_INFINITY, 'all there are'));
}
