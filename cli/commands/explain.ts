/**
 * `mq explain <id>`: where one message is, and how it came there: every event with its time and its reason, as the broker
 * wrote them down.
 */
import type { Command } from 'commander';
import type { Broker } from '../../shared/contract/broker.ts';
import { MqError } from '../../shared/contract/errors.ts';
import type { Explanation } from '../../shared/contract/explanation.ts';
import { CommandError } from '../exit.ts';
import * as option from '../options.ts';
import { withServer } from '../server-target.ts';
import type { Terminal } from '../terminal.ts';
import { counted, printable, tableLines } from '../text.ts';
import { timeText } from '../time-text.ts';

interface ExplainOptions extends option.TargetOptions {
  readonly topic?: string;
  readonly json?: boolean;
}

export function define(command: Command, terminal: Terminal): void {
  command
    .argument('<id>', 'id of the message, as mq receive --json prints it')
    .option('--topic <name>', 'where it was sent to (default: look in all topics)');
  option.addJsonOption(option.addTargetOptions(command), 'an array, one explanation for each topic that has it,');
  option.addExamples(command, 'mq explain order-17', 'mq explain order-17 --topic orders --json');
  command.action((id: string, options: ExplainOptions) => runExplain(terminal, id, options));
}

async function runExplain(terminal: Terminal, id: string, options: ExplainOptions): Promise<void> {
  const found = await withServer(terminal, options, (broker) => explainAll(broker, id, options.topic));
  if (found.length === 0) {
    const where = options.topic === undefined ? 'no topic has' : `topic "${options.topic}" does not have`;
    throw new CommandError(`${where} a message with the id "${id}", or not any more`, {
      hint: 'mq fetch <topic> --json prints the ids of what is there',
    });
  }
  if (options.json) return terminal.printJson(found);
  for (const [index, explanation] of found.entries()) {
    await terminal.print(...(index === 0 ? [] : ['']), ...linesOf(explanation));
  }
}

async function explainAll(broker: Broker, id: string, topic: string | undefined): Promise<Explanation[]> {
  const { explain } = broker;
  if (explain === undefined) throw new MqError('MQ_NOT_SUPPORTED', 'the broker there keeps no track of its messages');
  const topics =
    topic === undefined ? (await broker.describeTopics()).map((description) => description.topic) : [topic];
  const found: Explanation[] = [];
  for (const name of topics) {
    const explanation = await explain.call(broker, name, { id });
    if (explanation !== null) found.push(explanation);
  }
  return found;
}

function linesOf(explanation: Explanation): string[] {
  const { topic, id, partition, offset, timestamp, deliverAt, expiresAt, groups, events, isComplete } = explanation;
  const place = offset === null ? 'not in the log yet' : `partition ${partition}, offset ${offset}`;
  const times = [
    `accepted ${timeText(timestamp)}`,
    ...(deliverAt === undefined ? [] : [`due ${timeText(deliverAt)}`]),
    ...(expiresAt === undefined ? [] : [`expires ${timeText(expiresAt)}`]),
  ];
  const rows = events.map((event) => {
    const { at, what, group = '', memberId = '', deliveryCount = '', reason = '' } = event;
    return [timeText(at), what, group, memberId, String(deliveryCount), reason];
  });
  return [
    printable(`message ${id} of ${topic}: ${place}, ${times.join(', ')}`),
    ...groups.map((group) => `  ${printable(standingOf(group))}`),
    '',
    ...tableLines(['when', 'what', 'group', 'member', 'delivery', 'why'], rows),
    ...(isComplete
      ? []
      : ['', 'Events may be missing: a broker remembers so many, and forgets them when it restarts.']),
  ];
}

function standingOf({ group, state, deliveryCount, memberId, availableAt }: Explanation['groups'][number]): string {
  const delivered = deliveryCount === 0 ? 'never delivered' : `delivered ${counted(deliveryCount, 'time')}`;
  const holder = memberId === undefined ? '' : `, held by ${memberId}`;
  const again = availableAt === undefined ? '' : `, again at ${timeText(availableAt)}`;
  return `group ${group}: ${state}${holder}${again}, ${delivered}`;
}
