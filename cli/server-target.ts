/**
 * What `send`, `receive`, `fetch`, `topics` and `groups` have in common: they talk to a server that outlives them, so
 * a stage number makes no sense to them, and whatever they opened is closed however they end.
 */
import type { Broker } from '../shared/contract/broker.ts';
import type { Capability } from '../shared/contract/capabilities.ts';
import { CommandError, usageError } from './exit.ts';
import type { TargetOptions } from './options.ts';
import { DEFAULT_PORT, defaultTarget, openTarget, parseTarget } from './target.ts';
import type { Terminal } from './terminal.ts';

/** Opens the server the options name, runs `work`, closes the client again. */
export async function withServer<Result>(
  terminal: Terminal,
  options: TargetOptions,
  work: (broker: Broker, url: string) => Promise<Result>,
): Promise<Result> {
  const target = options.target ?? defaultTarget(terminal.env);
  const { stage, url } = parseTarget(target);
  if (stage !== null) {
    throw usageError(
      `stage ${stage} is no server: it would be gone with everything in it when this command ends`,
      `type: mq serve ${stage}     and then, in a second terminal, --target http://127.0.0.1:${DEFAULT_PORT}`,
    );
  }
  const opened = await openTarget(url, { token: tokenOf(terminal, options) });
  try {
    return await work(opened.broker, url);
  } finally {
    await opened.close();
  }
}

/** The token given, else $MQ_TOKEN. */
export function tokenOf(terminal: Terminal, options: TargetOptions): string | undefined {
  return options.token ?? (terminal.env.MQ_TOKEN || undefined);
}

/** Refuses, in words, what the broker at the other end cannot do. */
export function requireCapability(broker: Broker, capability: Capability, what: string): void {
  if (broker.capabilities.has(capability)) return;
  throw new CommandError(`${what} needs the capability "${capability}", which the ${broker.name} there does not have`, {
    hint: 'see what it has: mq doctor     (mq serve 2 and mq serve 3 have it)',
  });
}
