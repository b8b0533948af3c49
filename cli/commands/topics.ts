/** `mq topics`: lists the topics of a server; `create`, `delete` and `describe` one. */
import type { Command } from 'commander';
import type { GroupDescription, Overflow, TopicDescription, TopicOptions } from '../../shared/contract/description.ts';
import * as option from '../options.ts';
import { withServer } from '../server-target.ts';
import type { Terminal } from '../terminal.ts';
import { grouped, printable, shellWord, tableLines } from '../text.ts';

type Options = option.TargetOptions & { readonly json?: boolean };

export function define(command: Command, terminal: Terminal): void {
  const subcommand = (usage: string, summary: string): Command => option.addSubcommand(command, { usage, summary });
  const listed = { usage: 'list', summary: 'list all topics (what mq topics alone does)', isDefault: true };
  const list = option.addSubcommand(command, listed).allowExcessArguments(true);
  option.addExamples(command, 'mq topics', 'mq topics create t --messages-max 100', 'mq topics describe t');
  option.addExamples(list, 'mq topics').action((options: Options) => {
    const example = `mq topics describe ${shellWord(list.args[0] ?? '<topic>')}`;
    option.refuseExcess(list, { expectedCount: 0, example });
    return listTopics(terminal, options);
  });
  const create = subcommand('create <topic>', 'create a topic with options of its own');
  option
    .addExamples(
      addTopicOptions(create),
      'mq topics create t',
      'mq topics create small --messages-max 8 --overflow reject',
    )
    .action((topic: string, options: Options & TopicFlags) => createTopic(terminal, topic, options));
  option
    .addExamples(subcommand('delete <topic>', 'delete a topic with its messages and groups'), 'mq topics delete t')
    .action((topic: string, options: Options) => deleteTopic(terminal, topic, options));
  option
    .addExamples(subcommand('describe <topic>', 'all numbers of a topic and its groups'), 'mq topics describe t --json')
    .action((topic: string, options: Options) => describeTopic(terminal, topic, options));
}

/** The options of a topic as flags; `mq serve` takes the same as defaults. */
export interface TopicFlags {
  readonly messagesMax?: number;
  readonly bytesMax?: number;
  readonly overflow?: Overflow;
  readonly partitions?: number;
}

export function addTopicOptions(command: Command): Command {
  return command
    .option('--messages-max <n>', 'messages the topic holds at most', option.wholeNumber({ min: 1 }))
    .option('--bytes-max <n>', 'bytes the topic holds at most (from stage 2)', option.wholeNumber({ min: 1 }))
    .addOption(
      option.choice('--overflow <what>', 'what a send does when it is full', ['wait', 'reject', 'drop-oldest']),
    )
    .option('--partitions <n>', 'ordered parts of the topic (from stage 4)', option.wholeNumber({ min: 1 }));
}

/** The flags as the contract has them. */
export function topicOptionsOf({ messagesMax, bytesMax, overflow, partitions }: TopicFlags): TopicOptions {
  return {
    messagesMax,
    bytesMax,
    overflow,
    partitionCount: partitions,
  };
}

async function listTopics(terminal: Terminal, options: Options): Promise<void> {
  const topics = await withServer(terminal, options, (broker) => broker.describeTopics());
  if (options.json) return terminal.printJson(topics);
  if (topics.length === 0) return terminal.print('no topics yet; make one by sending: mq send <topic>');
  const rows = topics.map((topic) => [topic.topic, topic.groups.length, ...countsOf(topic)]);
  await terminal.print(...tableLines(['topic', 'groups', ...COUNT_TITLES], rows));
}

async function createTopic(terminal: Terminal, topic: string, options: Options & TopicFlags): Promise<void> {
  const topicOptions = topicOptionsOf(options);
  await withServer(terminal, options, (broker) => broker.createTopic(topic, topicOptions));
  if (options.json) await terminal.printJson({ topic, options: topicOptions });
  else await terminal.print(`topic ${printable(topic)} is there`);
}

async function deleteTopic(terminal: Terminal, topic: string, options: Options): Promise<void> {
  await withServer(terminal, options, (broker) => broker.deleteTopic(topic));
  if (options.json) await terminal.printJson({ topic });
  else await terminal.print(`topic ${printable(topic)} is gone, with its messages and groups`);
}

async function describeTopic(terminal: Terminal, topic: string, options: Options): Promise<void> {
  const [description] = await withServer(terminal, options, (broker) => broker.describeTopics({ topic }));
  if (description === undefined) return;
  if (options.json) return terminal.printJson(description);
  const { groups, options: inForce, partitionCount, bytes } = description;
  const shownOptions = Object.entries(inForce).map(([name, value]) => `${name} ${value}`);
  await terminal.print(
    `${printable(description.topic)}: ${partitionCount} partition${partitionCount === 1 ? '' : 's'}, ${grouped(bytes)} bytes held`,
    `options: ${shownOptions.join(', ')}`,
    '',
    ...tableLines(['', ...COUNT_TITLES], [['topic', ...countsOf(description)], ...groups.map(groupRow)]),
  );
}

function groupRow(group: GroupDescription): (string | number)[] {
  return [`group ${group.group}`, ...countsOf(group)];
}

const COUNT_TITLES = ['available', 'in flight', 'redelivered', 'dropped', 'lag', 'waiting', 'start', 'end'];

function countsOf(counts: TopicDescription | GroupDescription): number[] {
  const { availableCount, inFlightCount, redeliveredCount, droppedCount, lag, waiterCount } = counts;
  const { logStartOffset, logEndOffset } = counts;
  return [
    availableCount,
    inFlightCount,
    redeliveredCount,
    droppedCount,
    lag,
    waiterCount,
    logStartOffset,
    logEndOffset,
  ];
}
