/**
 * `mq serve <n> --config FILE`: the flags of the command in a JSON file, under their own names.
 *
 *     { "port": 8080, "data": "./orders", "flush": "interval", "allowHost": ["mq.example"], "slowConsumers": ["news.*=block:9"] }
 *
 * Always true: a key that is no flag, a value of the wrong type and one out of range are refused with the key's name; what is
 * said on the command line wins. Files and folders are found from where the configuration lies.
 */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Command, InvalidArgumentError, type Option } from 'commander';
import { describeValue } from '../shared/contract/validation.ts';
import { type CommandError, usageError } from './exit.ts';
import { nearest } from './text.ts';

/** Flags that say how this one call is to be. */
const NOT_IN_A_FILE: ReadonlySet<string> = new Set(['config', 'json', 'help']);
const PATHS: ReadonlySet<string> = new Set(['data', 'users', 'tlsCert', 'tlsKey', 'tlsCa']);

/** The options that `command` was given, and behind them those of the file. */
export async function withConfig<Options extends { readonly config?: string }>(
  command: Command,
  options: Options,
): Promise<Options> {
  if (options.config === undefined) return options;
  const path = options.config;
  const members = await readMembers(path);
  const known = new Map(
    command.options.flatMap((flag) => {
      const name = flag.attributeName();
      return NOT_IN_A_FILE.has(name) ? [] : [[name, flag] as const];
    }),
  );
  const fromFile: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(members)) {
    const flag = known.get(key);
    if (flag === undefined) throw unknownKey(path, key, [...known.keys()]);
    const source = command.getOptionValueSource(key);
    const read = readValue(flag, value, (expected) => usageError(`${path}: ${key} must be ${expected}`, EXAMPLE));
    if (source !== undefined && source !== 'default') continue;
    fromFile[key] = PATHS.has(key) ? resolve(dirname(path), String(read)) : read;
  }
  return { ...options, ...fromFile };
}

const EXAMPLE = 'keys are the flags of mq serve without dashes, such as { "port": 8080, "tcpPort": 8081 }';

async function readMembers(path: string): Promise<Readonly<Record<string, unknown>>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw usageError(`--config ${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`, 'name a JSON file');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // What the parser says shows a piece of the file, which may have a token in it.
    throw usageError(`${path} is no JSON`, EXAMPLE);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw usageError(`${path} must be an object`, EXAMPLE);
}

function unknownKey(path: string, key: string, known: readonly string[]): CommandError {
  const near = nearest(key, known);
  const hint = near === undefined ? `there are: ${known.join(', ')}` : `did you mean: ${near}`;
  return usageError(`${path}: there is no key ${describeValue(key)}`, hint);
}

/** What the flag makes of it. A value is not shown: one of them may be a token. */
function readValue(flag: Option, value: unknown, refused: (expected: string) => CommandError): unknown {
  if (flag.isBoolean()) {
    if (typeof value !== 'boolean') throw refused('true or false');
    return value;
  }
  if (flag.optional && typeof value === 'boolean') return value;
  if (Array.isArray(value)) return listOf(flag, value, refused);
  const read = parsed(flag, value, undefined, refused);
  if (Array.isArray(read)) throw refused('a list');
  if (typeof read !== typeof value) throw refused(typeof read === 'number' ? 'a number' : 'a text');
  return read;
}

function listOf(flag: Option, values: readonly unknown[], refused: (expected: string) => CommandError): unknown {
  let read: unknown;
  for (const [index, value] of values.entries()) {
    if (typeof value !== 'string') throw refused(`a list of texts, and element ${index} is none`);
    read = parsed(flag, value, read, refused);
    if (!Array.isArray(read)) throw refused('one value, not a list');
  }
  return read ?? [];
}

function parsed(flag: Option, value: unknown, before: unknown, refused: (expected: string) => CommandError): unknown {
  if (typeof value !== 'string' && typeof value !== 'number') throw refused('a text or a number');
  if (flag.parseArg === undefined) return String(value);
  try {
    return flag.parseArg(String(value), before as never);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw refused(
      error.message
        .replace(/^It takes /, '')
        .replace(/\.$/, '')
        .replace(/^Allowed choices are /, 'one of '),
    );
  }
}
