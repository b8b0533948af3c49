/**
 * Who a command is to the server it asks, and whom it trusts.
 *
 *     --token, else $MQ_TOKEN     a token
 *     --user, else $MQ_USER       a user: the password is $MQ_PASSWORD, else it is typed
 *     --ca, else $MQ_CA           who signs the certificates of servers; else whom Node trusts
 *
 * Always true: no flag takes a password, and nothing prints one; what a flag says goes before the environment.
 */
import { usageError } from './exit.ts';
import type { AccessOptions } from './options.ts';
import { pemOf } from './pem-file.ts';
import { readPassword } from './secret-input.ts';
import type { Terminal } from './terminal.ts';

/** As clients take it. */
export interface TargetAccess {
  readonly token?: string;
  readonly user?: string;
  readonly password?: string;
  readonly tls?: { readonly ca: string };
}

/** Reads what the options name; asks for a password where nothing says it. */
export async function accessOf(terminal: Terminal, options: AccessOptions): Promise<TargetAccess> {
  const { env } = terminal;
  const { token, user } = whoIs(options, env);
  const ca = options.ca ?? (env.MQ_CA || undefined);
  return {
    ...(token !== undefined && { token }),
    ...(user !== undefined && { user, password: env.MQ_PASSWORD || (await readPassword(terminal, user)) }),
    ...(ca !== undefined && { tls: { ca: await pemOf(options.ca === undefined ? '$MQ_CA' : '--ca', ca) } }),
  };
}

/** To the targets that `words` name, or to the default one: for stages nobody is asked. */
export async function accessTo(
  words: readonly string[],
  terminal: Terminal,
  options: AccessOptions,
): Promise<TargetAccess> {
  const isOwn = (word: string): boolean => /^\d+$/.test(word);
  return words.length > 0 && words.every(isOwn) ? {} : await accessOf(terminal, options);
}

function whoIs({ token, user }: AccessOptions, env: NodeJS.ProcessEnv): Pick<AccessOptions, 'token' | 'user'> {
  const isFlagged = token !== undefined || user !== undefined;
  const said = isFlagged ? { token, user } : { token: tokenIn(env), user: env.MQ_USER || undefined };
  if (said.token === undefined || said.user === undefined) return said;
  const [one, other] = isFlagged ? ['--token', '--user'] : ['$MQ_TOKEN', '$MQ_USER'];
  throw usageError(`${one} and ${other} say two things of who you are`, 'leave one of them out');
}

/** The token given, else $MQ_TOKEN. */
export function tokenOf(terminal: Terminal, { token }: Pick<AccessOptions, 'token'>): string | undefined {
  return token ?? tokenIn(terminal.env);
}

function tokenIn(env: NodeJS.ProcessEnv): string | undefined {
  return env.MQ_TOKEN || undefined;
}
