/**
 * `mq connections [target]`: who is connected to a server through which of its doors, and what each of them reads.
 *
 *     door   client  address          user  since  in  out  reads
 *     stomp  shop    127.0.0.1:53412  -     12 s    3    2  /queue/orders: holds 2 of 10
 *                                                           /topic/prices: group shop/prices, holds 0
 *
 * Always true: asked over HTTP, where alone it is told; only as much is shown as whoever asks may know.
 */
import type { Command } from 'commander';
import type { ConnectionDescription, SubscriptionDescription } from '../../shared/contract/connections.ts';
import { DEFAULTS } from '../../shared/contract/limits.ts';
import { usageError } from '../exit.ts';
import { endWithNpm } from '../npm-parent.ts';
import { addExamples, addJsonOption, addTargetOptions, type TargetOptions } from '../options.ts';
import { openConnectionsReader } from '../target.ts';
import { accessOf } from '../target-access.ts';
import { DEFAULT_URL, defaultTarget, isOverTcp, parseTarget } from '../target-name.ts';
import type { Terminal } from '../terminal.ts';
import { counted, tableLines } from '../text.ts';
import { durationText } from '../time-text.ts';

/** Of a connection; the rest is only counted. */
const SHOWN_SUBSCRIPTIONS_MAX = 10;

/** They tell no more of a connection than that it is there. */
const OWN_DOORS: ReadonlySet<string> = new Set(['http', 'tcp']);

type Options = TargetOptions & { readonly json?: boolean };

export function define(command: Command, terminal: Terminal): void {
  command.argument('[target]', `the server, over HTTP (default: $MQ_TARGET, else ${DEFAULT_URL})`);
  addJsonOption(addTargetOptions(command), 'them');
  addExamples(command, 'mq connections', `mq connections ${DEFAULT_URL}`, 'mq connections --json');
  command.action(async (target: string | undefined, options: Options) => {
    using _npm = endWithNpm();
    const url = urlOf(terminal, target, options);
    await using reader = await openConnectionsReader(url, await accessOf(terminal, options));
    const connections = await reader.read();
    if (options.json) await terminal.printJson(connections);
    else await terminal.print(...linesOf(connections, Date.now()));
  });
}

function urlOf(terminal: Terminal, word: string | undefined, { target }: Options): string {
  if (word !== undefined && target !== undefined) {
    throw usageError('the target is named twice', 'leave --target out');
  }
  const { stage, url } = parseTarget(word ?? target ?? defaultTarget(terminal.env));
  if (stage !== null) {
    throw usageError(
      `stage ${stage} is no server, so nobody is connected to it`,
      `type: mq serve ${stage}     and then, in a second terminal: mq connections`,
    );
  }
  if (isOverTcp(url)) {
    throw usageError(`who is connected is told over HTTP, not by ${url}`, `such as: mq connections ${DEFAULT_URL}`);
  }
  return url;
}

function linesOf(connections: readonly ConnectionDescription[], now: number): string[] {
  const header = ['door', 'client', 'address', 'user', 'since', 'in', 'out', 'errors', 'reads'];
  const rows = connections.flatMap((connection) => rowsOf(connection, now));
  const doors = Object.entries(Object.groupBy(connections, ({ door }) => door));
  const counts = doors.map(([door, ofDoor = []]) => `${door} ${ofDoor.length}`).join(', ');
  const sum = `${counted(connections.length, 'connection')}: ${counts}`;
  return connections.length === 0 ? ['nobody is connected'] : [...tableLines(header, rows), '', sum];
}

/** The connection with its first subscription, and a line for each further one. */
function rowsOf(connection: ConnectionDescription, now: number): string[][] {
  const { door, clientId, address, principal, connectedAt, subscriptions, subscriptionCount } = connection;
  const { messagesInCount, messagesOutCount, errorCount } = connection;
  const shown = subscriptions.slice(0, SHOWN_SUBSCRIPTIONS_MAX).map(readsText);
  const hiddenCount = subscriptionCount - shown.length;
  const [first = '', ...others] = hiddenCount > 0 ? [...shown, `and ${hiddenCount} more`] : shown;
  const counts = [messagesInCount, messagesOutCount, errorCount].map((count) =>
    OWN_DOORS.has(door) ? '-' : String(count),
  );
  const since = durationText(Math.max(now - connectedAt, 0));
  return [
    [door, clientId ?? '-', address, principal ?? '-', since, ...counts, first],
    ...others.map((reads) => ['', '', '', '', '', '', '', '', reads]),
  ];
}

function readsText({ destination, group, creditMax, heldCount }: SubscriptionDescription): string {
  const ofGroup = group === DEFAULTS.group ? '' : `group ${group}, `;
  return `${destination}: ${ofGroup}holds ${heldCount}${creditMax === null ? '' : ` of ${creditMax}`}`;
}
