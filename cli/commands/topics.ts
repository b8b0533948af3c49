/** `mq topics`: lists the topics of a server; `create`, `delete`, `describe`, `pause` and `resume` one. */
import type { Command } from 'commander';
import type { Overflow, TopicOptions } from '../../shared/contract/description.ts';
import { allColumns } from '../count-columns.ts';
import * as option from '../options.ts';
import { withServer } from '../server-target.ts';
import type { Terminal } from '../terminal.ts';
import { counted, grouped, printable, shellWord, tableLines } from '../text.ts';

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
      'mq topics create orders --partitions 4 --retention 86400000',
    )
    .action((topic: string, options: Options & TopicFlags) => createTopic(terminal, topic, options));
  option
    .addExamples(subcommand('delete <topic>', 'delete a topic with its messages and groups'), 'mq topics delete t')
    .action((topic: string, options: Options) => deleteTopic(terminal, topic, options));
  option
    .addExamples(subcommand('describe <topic>', 'all numbers of a topic and its groups'), 'mq topics describe t --json')
    .action((topic: string, options: Options) => describeTopic(terminal, topic, options));
  option
    .addExamples(subcommand('pause <topic>', 'hand out nothing of a topic (from stage 4)'), 'mq topics pause t')
    .action((topic: string, options: Options) => pauseTopic(terminal, topic, options));
  option
    .addExamples(subcommand('resume <topic>', 'hand it out again'), 'mq topics resume t')
    .action((topic: string, options: Options) => resumeTopic(terminal, topic, options));
}

/** The options of a topic as flags; `mq serve` takes the same as defaults. */
export interface TopicFlags {
  readonly messagesMax?: number;
  readonly bytesMax?: number;
  readonly overflow?: Overflow;
  readonly partitions?: number;
  readonly ttl?: number;
  readonly retention?: number;
  readonly deleteFinished?: boolean;
  readonly dedupWindow?: number;
}

export function addTopicOptions(command: Command): Command {
  return command
    .option('--messages-max <n>', 'messages the topic holds at most', option.wholeNumber({ min: 1 }))
    .option('--bytes-max <n>', 'bytes the topic holds at most (from stage 2)', option.wholeNumber({ min: 1 }))
    .addOption(
      option.choice('--overflow <what>', 'what a send does when it is full', ['wait', 'reject', 'drop-oldest']),
    )
    .option('--partitions <n>', 'ordered parts of the topic (from stage 4)', option.wholeNumber({ min: 1 }))
    .option('--ttl <ms>', 'messages expire after so long (from stage 4)', option.wholeNumber({ min: 1 }))
    .option('--retention <ms>', 'delete what is older, finished or not (from stage 4)', option.wholeNumber({ min: 1 }))
    .option('--delete-finished', 'delete what every group has finished at once (from stage 4)')
    .option('--dedup-window <ms>', 'store an id once in so long (stage 5)', option.wholeNumber({ min: 1 }));
}

/** The flags as the contract has them. */
export function topicOptionsOf(flags: TopicFlags): TopicOptions {
  const { messagesMax, bytesMax, overflow, partitions, ttl, retention, deleteFinished, dedupWindow } = flags;
  const inMemory = { messagesMax, bytesMax, overflow, partitionCount: partitions };
  return { ...inMemory, ttlMs: ttl, retentionMs: retention, deleteFinished, dedupWindowMs: dedupWindow };
}

async function listTopics(terminal: Terminal, options: Options): Promise<void> {
  const { topics, columns } = await withServer(terminal, options, async (broker) => ({
    topics: await broker.describeTopics(),
    columns: allColumns(broker),
  }));
  if (options.json) return terminal.printJson(topics);
  if (topics.length === 0) return terminal.print('no topics yet; make one by sending: mq send <topic>');
  const rows = topics.map((topic) => [topic.topic, topic.groups.length, ...columns.numbersOf(topic)]);
  await terminal.print(...tableLines(['topic', 'groups', ...columns.titles], rows));
  await terminal.print(...topics.filter(({ isPaused }) => isPaused).map(({ topic }) => pausedLine(topic)));
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

async function pauseTopic(terminal: Terminal, topic: string, options: Options): Promise<void> {
  await withServer(terminal, options, (broker) => broker.pause(topic));
  if (options.json) await terminal.printJson({ topic, isPaused: true });
  else await terminal.print(pausedLine(topic));
}

async function resumeTopic(terminal: Terminal, topic: string, options: Options): Promise<void> {
  await withServer(terminal, options, (broker) => broker.resume(topic));
  if (options.json) await terminal.printJson({ topic, isPaused: false });
  else await terminal.print(`topic ${printable(topic)} goes on: its groups are handed out messages again`);
}

function pausedLine(topic: string): string {
  return `topic ${printable(topic)} is paused: nothing of it is handed out until mq topics resume ${printable(shellWord(topic))}`;
}

async function describeTopic(terminal: Terminal, topic: string, options: Options): Promise<void> {
  const { description, columns } = await withServer(terminal, options, async (broker) => ({
    description: (await broker.describeTopics({ topic }))[0],
    columns: allColumns(broker),
  }));
  if (description === undefined) return;
  if (options.json) return terminal.printJson(description);
  const { groups, options: inForce, partitionCount, bytes, isPaused } = description;
  const shownOptions = Object.entries(inForce).map(([name, value]) => {
    return `${name} ${value === Number.MAX_SAFE_INTEGER ? 'without end' : value}`;
  });
  const rows = groups.map((group) => [`group ${group.group}`, ...columns.numbersOf(group)]);
  await terminal.print(
    `${printable(description.topic)}: ${counted(partitionCount, 'partition')}, ${grouped(bytes)} bytes held`,
    `options: ${shownOptions.join(', ')}`,
    ...(isPaused ? [pausedLine(description.topic)] : []),
    '',
    ...tableLines(['', ...columns.titles], [['topic', ...columns.numbersOf(description)], ...rows]),
  );
}
