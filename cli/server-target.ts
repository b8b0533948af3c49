/**
 * What `send`, `receive`, `fetch`, `topics` and `groups` have in common: they talk to a server that outlives them, so
 * a stage number makes no sense to them, and whatever they opened is closed however they end.
 */
import type { Broker } from '../shared/contract/broker.ts';
import { type Capability, notSupported } from '../shared/contract/capabilities.ts';
import { isMqError } from '../shared/contract/errors.ts';
import { CommandError, EXIT, usageError } from './exit.ts';
import { endWithNpm } from './npm-parent.ts';
import type { FilterFlags, TargetOptions } from './options.ts';
import { type OpenTargetOptions, openTarget } from './target.ts';
import { accessOf, type TargetAccess } from './target-access.ts';
import { DEFAULT_URL, defaultTarget, parseTarget } from './target-name.ts';
import type { Terminal } from './terminal.ts';

/** Opens the server the options name, runs `work`, closes the client again. */
export async function withServer<Result>(
  terminal: Terminal,
  options: TargetOptions & Pick<OpenTargetOptions, 'codec'>,
  work: (broker: Broker, url: string) => Promise<Result>,
): Promise<Result> {
  const target = options.target ?? defaultTarget(terminal.env);
  const { stage, url } = parseTarget(target);
  if (stage !== null) {
    throw usageError(
      `stage ${stage} is no server: it would be gone with everything in it when this command ends`,
      `type: mq serve ${stage}     and then, in a second terminal, --target ${DEFAULT_URL}`,
    );
  }
  using _npm = endWithNpm();
  const access = await accessOf(terminal, options);
  const opened = await openTarget(url, { access, codec: options.codec });
  try {
    return await work(opened.broker, url);
  } finally {
    await opened.close();
  }
}

/** What `mq test` and `mq bench` work on: the targets named, else the default server, which must then be there. */
export async function namedTargets(
  terminal: Terminal,
  words: readonly string[],
  { command, access }: { readonly command: string; readonly access: TargetAccess },
): Promise<readonly string[]> {
  if (words.length > 0) return words;
  const target = defaultTarget(terminal.env);
  try {
    const opened = await openTarget(target, { access });
    await opened.close();
    return [target];
  } catch (error) {
    if (!isMqError(error, 'MQ_UNREACHABLE')) throw error;
    throw new CommandError(`no target was named, and nothing listens on ${target}`, {
      hint: `name some: mq ${command} 1 2 3     (or start a server: mq serve 3)`,
      exitCode: EXIT.unreachable,
    });
  }
}

/** Refuses, in words, what the broker at the other end cannot do. */
export function requireCapability(broker: Broker, capability: Capability, what: string): void {
  if (broker.capabilities.has(capability)) return;
  throw notSupported(capability, what);
}

/** Refuses a filter, by the flag that was typed, where the broker at the other end has none. */
export function requireFilters(broker: Broker, { selector, tag }: FilterFlags): void {
  if (selector !== undefined) requireCapability(broker, 'filters', '--selector');
  if (tag !== undefined) requireCapability(broker, 'filters', '--tag');
}
