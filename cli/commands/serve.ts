/**
 * `mq serve <n>`: a stage behind the HTTP server, until it is told to stop.
 *
 * Always true: it listens on loopback unless told otherwise; SIGINT, SIGTERM or SIGHUP drains (waiting polls are
 * answered, accepted work finishes) and exits 0 within `--timeout`, a second one ends at once; a reader of its output
 * that goes away does not end it; the token is never printed.
 */
import type { Command } from 'commander';
import { CommandError, usageError } from '../exit.ts';
import { onNpmGone } from '../npm-parent.ts';
import * as option from '../options.ts';
import { tokenOf } from '../server-target.ts';
import { onStopSignal, type StopSignal } from '../signals.ts';
import { DEFAULT_PORT, openServer } from '../target.ts';
import type { Terminal } from '../terminal.ts';
import { printable } from '../text.ts';
import { addTopicOptions, type TopicFlags, topicOptionsOf } from './topics.ts';

const DEFAULT_HOST = '127.0.0.1';
/** How long accepted work may take to finish after the first signal. */
const DEFAULT_DRAIN_MS = 5000;

interface ServeCommandOptions extends TopicFlags {
  readonly port: number;
  readonly host: string;
  readonly token?: string;
  readonly allowHost?: readonly string[];
  readonly timeout: number;
  readonly json?: boolean;
}

export function define(command: Command, terminal: Terminal): void {
  command
    .addArgument(option.stageArgument())
    .option('--port <n>', '0 takes a free one', option.wholeNumber({ min: 0, max: 65_535 }), DEFAULT_PORT)
    .option('--host <address>', 'address to listen on', DEFAULT_HOST)
    .option('--token <token>', 'ask every caller for this bearer token (default: $MQ_TOKEN, else none)')
    .option('--allow-host <name>', 'answer to this host name too; may be repeated', option.gathered)
    .option('--timeout <ms>', 'how long stopping may take', option.wholeNumber({ min: 0 }), DEFAULT_DRAIN_MS);
  option.addJsonOption(addTopicOptions(command), 'where it listens');
  option.addExamples(
    command,
    'mq serve 3',
    'mq serve 1 --port 8080',
    'mq serve 2 --messages-max 100 --overflow reject',
  );
  command.action((stage: number, options: ServeCommandOptions) => runServe(terminal, stage, options));
}

async function runServe(terminal: Terminal, stage: number, options: ServeCommandOptions): Promise<void> {
  const token = tokenOf(terminal, options);
  const stopped = Promise.withResolvers<StopSignal>();
  using _signals = onStopSignal(stopped.resolve);
  using _npm = onNpmGone(() => stopped.resolve('SIGTERM'));
  const { server, broker } = await open(stage, options, token);
  // A reader that went away is none of the server's business.
  const say = (line: string): Promise<void> => terminal.print(line).catch(() => undefined);
  if (options.json) await say(JSON.stringify({ stage, url: server.url }));
  else await say(`stage ${stage} listens on ${server.url}     (Ctrl-C stops it)`);
  if (token === undefined && !isLoopback(options.host)) {
    terminal.complain(`mq: anybody who reaches ${printable(options.host)} may send and read; ask for a --token`);
  }
  const signal = await stopped.promise;
  if (!options.json) await say(`${signal}: finishing what was accepted`);
  await server.close({ timeoutMs: options.timeout });
  await broker.close({ timeoutMs: 0 });
}

async function open(stage: number, options: ServeCommandOptions, token: string | undefined) {
  const { host, port, allowHost } = options;
  try {
    return await openServer(stage, {
      brokerOptions: { topicDefaults: topicOptionsOf(options) },
      server: {
        host,
        port,
        token,
        allowedHosts: allowHost,
      },
    });
  } catch (error) {
    throw explained(error, host, port);
  }
}

/** What the operating system said about listening, in words. */
function explained(error: unknown, host: string, port: number): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return new CommandError(`port ${port} of ${host} is in use`, {
        hint: 'stop the other server, or take another port: --port 0 takes a free one',
      });
    case 'EACCES':
      return new CommandError(`this user may not listen on port ${port}`, {
        hint: 'take a port above 1023: --port 8080',
      });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EINVAL':
      return usageError(`--host ${host} is no address of this machine`, `leave --host out: it is then ${DEFAULT_HOST}`);
    default:
      return error;
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}
