/** `mq groups`: lists the groups of a server's topics; `create`, `delete`, `describe`, `seek`, `pause` and `resume` one. */
import type { Command } from 'commander';
import type { Broker } from '../../shared/contract/broker.ts';
import type {
  GroupDescription,
  GroupMode,
  GroupOptions,
  OutOfRangeReset,
  RetryDelays,
  SeekTarget,
} from '../../shared/contract/description.ts';
import { MqError } from '../../shared/contract/errors.ts';
import type { Filter } from '../../shared/contract/filter.ts';
import { type CountColumns, groupColumns } from '../count-columns.ts';
import * as option from '../options.ts';
import { requireFilters, withServer } from '../server-target.ts';
import type { Terminal } from '../terminal.ts';
import { printable, shellWord, tableLines } from '../text.ts';

type Options = option.TargetOptions & { readonly json?: boolean };

interface CreateFlags extends option.FilterFlags {
  readonly start?: SeekTarget;
  readonly ephemeral?: boolean;
  readonly onOutOfRange?: OutOfRangeReset;
  readonly mode?: GroupMode;
  readonly deliveriesMax?: number;
  readonly retryDelays?: RetryDelays;
  readonly deadLetterExpired?: boolean;
}

/** What the commands about one group are told. */
interface GroupName {
  readonly topic: string;
  readonly group: string;
}

export function define(command: Command, terminal: Terminal): void {
  const subcommand = (usage: string, summary: string): Command => option.addSubcommand(command, { usage, summary });
  const summary = 'list all groups, or those of a topic (what mq groups alone does)';
  const list = option.addSubcommand(command, { usage: 'list [topic]', summary, isDefault: true });
  list.allowExcessArguments(true);
  option.addExamples(
    command,
    'mq groups',
    'mq groups t',
    'mq groups create t audit --start latest',
    'mq groups seek t audit earliest',
  );
  option.addExamples(list, 'mq groups', 'mq groups t').action((topic: string | undefined, options: Options) => {
    const example = `mq groups describe ${list.args.slice(0, 2).map(shellWord).join(' ')}`;
    option.refuseExcess(list, { expectedCount: 1, example });
    return listGroups(terminal, topic, options);
  });
  option
    .addExamples(
      addGroupOptions(subcommand('create <topic> <group>', 'create a group')),
      'mq groups create t audit',
      `mq groups create t eu --selector "region = 'eu'"`,
    )
    .action((topic: string, group: string, options: Options & CreateFlags) =>
      createGroup(terminal, { topic, group }, options),
    );
  option
    .addExamples(subcommand('delete <topic> <group>', 'delete a group with its position'), 'mq groups delete t audit')
    .action((topic: string, group: string, options: Options) => deleteGroup(terminal, { topic, group }, options));
  option
    .addExamples(subcommand('describe <topic> <group>', 'all numbers of a group'), 'mq groups describe t audit')
    .action((topic: string, group: string, options: Options) => describeGroup(terminal, { topic, group }, options));
  option
    .addExamples(
      subcommand('pause <topic> <group>', 'hand out nothing to a group (from stage 4)'),
      'mq groups pause t audit',
    )
    .action((topic: string, group: string, options: Options) => pauseGroup(terminal, { topic, group }, options));
  option
    .addExamples(subcommand('resume <topic> <group>', 'hand it out again'), 'mq groups resume t audit')
    .action((topic: string, group: string, options: Options) => resumeGroup(terminal, { topic, group }, options));
  const seek = subcommand('seek <topic> <group>', 'move a group to a place, also back');
  seek.argument('<to>', 'earliest, latest, an offset, or a time (from stage 4)', option.seekTarget);
  seek.option('--partition <n>', 'which partition', option.wholeNumber({ min: 0 }), 0);
  option
    .addExamples(seek, 'mq groups seek t audit earliest', 'mq groups seek t audit 100')
    .action((topic: string, group: string, to: SeekTarget, options: Options & { partition: number }) =>
      seekGroup(terminal, { topic, group }, to, options),
    );
}

function addGroupOptions(command: Command): Command {
  option.addFilterOptions(command, 'the rest is finished for the group');
  return command
    .option('--start <place>', 'earliest (default), latest, an offset, or a time (from stage 4)', option.seekTarget)
    .option('--ephemeral', 'the group dies with its last member and starts at latest')
    .addOption(
      option.choice('--on-out-of-range <what>', 'where a reader goes on that fell behind', [
        'earliest',
        'latest',
        'error',
      ]),
    )
    .addOption(
      option.choice('--mode <mode>', 'who gets a message (all but shared from stage 4)', [
        'shared',
        'exclusive',
        'failover',
        'key-ordered',
      ]),
    )
    .option(
      '--deliveries-max <n>',
      'a message that failed so often is dead (from stage 4; default: 16, 0: never)',
      option.wholeNumber({ min: 0 }),
    )
    .option(
      '--retry-delays <list>',
      'how long what failed waits (from stage 4): classic, ms,ms,... or ms..ms (default: not at all)',
      option.retryDelays,
    )
    .option('--dead-letter-expired', 'keep what expires as a dead letter (from stage 4)');
}

async function listGroups(terminal: Terminal, topic: string | undefined, options: Options): Promise<void> {
  const { topics, hasGroups, columns } = await withServer(terminal, options, async (broker) => ({
    topics: await broker.describeTopics({ topic }),
    hasGroups: broker.capabilities.has('groups'),
    columns: groupColumns(broker),
  }));
  const groups = topics.flatMap(({ topic, groups: ofTopic }) => ofTopic.map((group) => ({ topic, ...group })));
  if (options.json) return terminal.printJson(groups);
  if (groups.length === 0 && !hasGroups) {
    return terminal.print('the broker there has no groups: all its readers take from the same messages');
  }
  if (groups.length === 0) {
    const from = topic === undefined ? '<topic>' : shellWord(topic);
    return terminal.print(`no groups yet; make one by receiving: mq receive ${from} --group <name>`);
  }
  await terminal.print(...groupTable(groups, columns));
  const paused = groups.filter(({ isPaused }) => isPaused);
  await terminal.print(...paused.map((group) => pausedLine(group)));
}

async function createGroup(terminal: Terminal, name: GroupName, options: Options & CreateFlags): Promise<void> {
  const { start, ephemeral, onOutOfRange, mode, deliveriesMax, retryDelays, deadLetterExpired } = options;
  const failing = { deliveriesMax, retryDelays, deadLetterExpired };
  const filter = option.filterOf(options);
  const groupOptions: GroupOptions = { start, isEphemeral: ephemeral, onOutOfRange, mode, ...failing, filter };
  await withServer(terminal, options, async (broker) => {
    requireFilters(broker, options);
    await broker.createGroup(name.topic, name.group, groupOptions);
  });
  if (options.json) await terminal.printJson({ ...name, options: groupOptions });
  else await terminal.print(`group ${nameOf(name)} is there`);
}

async function deleteGroup(terminal: Terminal, name: GroupName, options: Options): Promise<void> {
  await withServer(terminal, options, (broker) => broker.deleteGroup(name.topic, name.group));
  if (options.json) await terminal.printJson(name);
  else await terminal.print(`group ${nameOf(name)} is gone`);
}

async function describeGroup(terminal: Terminal, name: GroupName, options: Options): Promise<void> {
  const { group, committed, columns } = await withServer(terminal, options, (broker) => lookAt(broker, name));
  if (options.json) return terminal.printJson(group);
  const { mode, isEphemeral, onOutOfRange, deliveriesMax, isPaused, filter, members } = group;
  const dying = deliveriesMax === undefined ? '' : `, dead after ${deliveriesMax} deliveries that failed`;
  await terminal.print(
    ...groupTable([{ topic: name.topic, ...group }], columns),
    '',
    `mode ${mode}, ${isEphemeral ? 'ephemeral' : 'durable'}, out of range: ${onOutOfRange}${dying}`,
    ...filterLines(filter),
    ...(isPaused ? [pausedLine(name)] : []),
    ...committed.map((offset, partition) => `partition ${partition}: committed ${offset}`),
    ...members.map((member) => `member ${printable(member.memberId)} holds ${member.inFlightCount}`),
  );
}

function filterLines({ selector, tags = [] }: Filter = {}): string[] {
  const words = [...tags.map((tag) => `--tag ${shellWord(tag)}`)];
  if (selector !== undefined) words.push(`--selector ${shellWord(selector)}`);
  return words.length === 0 ? [] : [`gets only ${printable(words.join(' '))}`];
}

/** What there is to say of a group; where it stands in each partition only when there are several. */
async function lookAt(broker: Broker, { topic, group: wanted }: GroupName) {
  const [description] = await broker.describeTopics({ topic });
  const group = description?.groups.find((candidate) => candidate.group === wanted.normalize('NFC'));
  if (group === undefined) throw new MqError('MQ_UNKNOWN_GROUP', `topic "${topic}" has no group "${wanted}"`);
  const partitionCount = description?.partitionCount ?? 1;
  const committed: number[] = [];
  for (let partition = 0; partitionCount > 1 && partition < partitionCount; partition += 1) {
    committed.push(await broker.committed(topic, { group: wanted, partition }));
  }
  return { group, committed, columns: groupColumns(broker) };
}

async function seekGroup(
  terminal: Terminal,
  name: GroupName,
  to: SeekTarget,
  options: Options & { readonly partition: number },
): Promise<void> {
  const { partition } = options;
  const offset = await withServer(terminal, options, (broker) =>
    broker.seek(name.topic, { group: name.group, partition, to }),
  );
  if (options.json) await terminal.printJson({ ...name, partition, offset });
  else await terminal.print(`group ${nameOf(name)} goes on at offset ${offset}`);
}

async function pauseGroup(terminal: Terminal, name: GroupName, options: Options): Promise<void> {
  await withServer(terminal, options, (broker) => broker.pause(name.topic, { group: name.group }));
  if (options.json) await terminal.printJson({ ...name, isPaused: true });
  else await terminal.print(pausedLine(name));
}

async function resumeGroup(terminal: Terminal, name: GroupName, options: Options): Promise<void> {
  await withServer(terminal, options, (broker) => broker.resume(name.topic, { group: name.group }));
  if (options.json) await terminal.printJson({ ...name, isPaused: false });
  else await terminal.print(`group ${nameOf(name)} goes on: it is handed out messages again`);
}

function nameOf({ topic, group }: GroupName): string {
  return `${printable(group)} of ${printable(topic)}`;
}

function pausedLine(name: GroupName): string {
  const words = [name.topic, name.group].map((word) => printable(shellWord(word)));
  return `group ${nameOf(name)} is paused: it is handed out nothing until mq groups resume ${words.join(' ')}`;
}

function groupTable(groups: readonly (GroupDescription & GroupName)[], columns: CountColumns): string[] {
  const header = ['topic', 'group', 'kind', 'members', 'committed', ...columns.titles];
  const rows = groups.map((group) => {
    const { topic, group: name, kind, members, committedOffset } = group;
    return [topic, name, kind, members.length, committedOffset, ...columns.numbersOf(group)];
  });
  return tableLines(header, rows);
}
