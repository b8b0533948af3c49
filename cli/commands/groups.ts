/** `mq groups`: lists the groups of a server's topics; `create`, `delete`, `describe` and `seek` one. */
import type { Command } from 'commander';
import type {
  GroupDescription,
  GroupMode,
  GroupOptions,
  OutOfRangeReset,
  SeekTarget,
} from '../../shared/contract/description.ts';
import { MqError } from '../../shared/contract/errors.ts';
import * as option from '../options.ts';
import { withServer } from '../server-target.ts';
import type { Terminal } from '../terminal.ts';
import { printable, shellWord, tableLines } from '../text.ts';

type Options = option.TargetOptions & { readonly json?: boolean };

interface CreateFlags {
  readonly start?: SeekTarget;
  readonly ephemeral?: boolean;
  readonly onOutOfRange?: OutOfRangeReset;
  readonly mode?: GroupMode;
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
    .addExamples(addGroupOptions(subcommand('create <topic> <group>', 'create a group')), 'mq groups create t audit')
    .action((topic: string, group: string, options: Options & CreateFlags) =>
      createGroup(terminal, { topic, group }, options),
    );
  option
    .addExamples(subcommand('delete <topic> <group>', 'delete a group with its position'), 'mq groups delete t audit')
    .action((topic: string, group: string, options: Options) => deleteGroup(terminal, { topic, group }, options));
  option
    .addExamples(subcommand('describe <topic> <group>', 'all numbers of a group'), 'mq groups describe t audit')
    .action((topic: string, group: string, options: Options) => describeGroup(terminal, { topic, group }, options));
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
  return command
    .option('--start <place>', 'earliest (default), latest, or an offset', option.startPlace)
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
    );
}

async function listGroups(terminal: Terminal, topic: string | undefined, options: Options): Promise<void> {
  const { topics, hasGroups } = await withServer(terminal, options, async (broker) => ({
    topics: await broker.describeTopics({ topic }),
    hasGroups: broker.capabilities.has('groups'),
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
  await terminal.print(...groupTable(groups));
}

async function createGroup(terminal: Terminal, name: GroupName, options: Options & CreateFlags): Promise<void> {
  const { start, ephemeral, onOutOfRange, mode } = options;
  const groupOptions: GroupOptions = {
    start,
    isEphemeral: ephemeral,
    onOutOfRange,
    mode,
  };
  await withServer(terminal, options, (broker) => broker.createGroup(name.topic, name.group, groupOptions));
  if (options.json) await terminal.printJson({ ...name, options: groupOptions });
  else await terminal.print(`group ${printable(name.group)} of ${printable(name.topic)} is there`);
}

async function deleteGroup(terminal: Terminal, name: GroupName, options: Options): Promise<void> {
  await withServer(terminal, options, (broker) => broker.deleteGroup(name.topic, name.group));
  if (options.json) await terminal.printJson(name);
  else await terminal.print(`group ${printable(name.group)} of ${printable(name.topic)} is gone`);
}

async function describeGroup(terminal: Terminal, name: GroupName, options: Options): Promise<void> {
  const [description] = await withServer(terminal, options, (broker) => broker.describeTopics({ topic: name.topic }));
  const wanted = name.group.normalize('NFC');
  const group = description?.groups.find((candidate) => candidate.group === wanted);
  if (group === undefined) {
    throw new MqError('MQ_UNKNOWN_GROUP', `topic "${name.topic}" has no group "${name.group}"`);
  }
  if (options.json) return terminal.printJson(group);
  await terminal.print(
    ...groupTable([{ topic: name.topic, ...group }]),
    '',
    `mode ${group.mode}, ${group.isEphemeral ? 'ephemeral' : 'durable'}, out of range: ${group.onOutOfRange}`,
    ...group.members.map((member) => `member ${printable(member.memberId)} holds ${member.inFlightCount}`),
  );
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
  else await terminal.print(`group ${printable(name.group)} of ${printable(name.topic)} goes on at offset ${offset}`);
}

function groupTable(groups: readonly (GroupDescription & { readonly topic: string })[]): string[] {
  const header = ['topic', 'group', 'kind', 'members', 'committed', 'available', 'in flight', 'redelivered', 'lag'];
  const rows = groups.map((group) => [
    group.topic,
    group.group,
    group.kind,
    group.members.length,
    group.committedOffset,
    group.availableCount,
    group.inFlightCount,
    group.redeliveredCount,
    group.lag,
  ]);
  return tableLines(header, rows);
}
