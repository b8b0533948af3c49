/**
 * `mq dlq`: the dead letters of a group, which are messages it could not finish. `show` lists them with why they died,
 * `redrive` brings them back to that group and no other, `drop` deletes them.
 *
 * Always true: showing takes nothing; `drop` wants to be told which, because what it deletes is nowhere else.
 */
import { type Command, Option } from 'commander';
import type { Broker, DeadLetterOptions } from '../../shared/contract/broker.ts';
import { isMqError, MqError } from '../../shared/contract/errors.ts';
import { DEFAULTS } from '../../shared/contract/limits.ts';
import { DEAD_LETTER_HEADERS, deadLetterTopicOf, type StoredRecord } from '../../shared/contract/message.ts';
import { usageError } from '../exit.ts';
import * as option from '../options.ts';
import { plainRecord } from '../record-output.ts';
import { requireCapability, withServer } from '../server-target.ts';
import type { Terminal } from '../terminal.ts';
import { counted, printable, shellWord, tableLines } from '../text.ts';
import { timeText } from '../time-text.ts';

const SHOWN_MAX = 100;
const BODY_CHARACTERS_SHOWN = 40;

interface DlqOptions extends option.TargetOptions {
  readonly group: string;
  readonly max: number;
  readonly json?: boolean;
}

interface ChoiceOptions extends DlqOptions {
  readonly id?: readonly string[];
  readonly all?: boolean;
}

export function define(command: Command, terminal: Terminal): void {
  const subcommand = (usage: string, summary: string): Command => {
    return option
      .addSubcommand(command, { usage, summary })
      .option('--group <name>', 'whose dead letters', DEFAULTS.group);
  };
  option.addExamples(
    command,
    'mq dlq show orders',
    'mq dlq redrive orders --group kitchen',
    'mq dlq drop orders --id x',
  );
  const show = subcommand('show <topic>', 'list dead letters, oldest first, and why they died');
  show.addOption(maxOption(`at most so many`).default(SHOWN_MAX));
  option
    .addExamples(show, 'mq dlq show orders', 'mq dlq show orders --group kitchen --json')
    .action((topic: string, options: DlqOptions) => showLetters(terminal, topic, options));
  const redrive = addChoice(subcommand('redrive <topic>', 'bring dead letters back to their group'));
  option
    .addExamples(redrive, 'mq dlq redrive orders', 'mq dlq redrive orders --max 10', 'mq dlq redrive orders --id x')
    .action((topic: string, options: ChoiceOptions) => redriveLetters(terminal, topic, options));
  const drop = addChoice(subcommand('drop <topic>', 'delete dead letters')).option('--all', 'every one of them');
  option
    .addExamples(drop, 'mq dlq drop orders --id x', 'mq dlq drop orders --all')
    .action((topic: string, options: ChoiceOptions) => dropLetters(terminal, topic, options));
}

function addChoice(command: Command): Command {
  return command
    .option('--id <id>', 'only the one with this message id; may be repeated', option.gathered)
    .addOption(maxOption('the oldest, at most so many').default(Number.POSITIVE_INFINITY, 'all there are'));
}

function maxOption(about: string): Option {
  return new Option('--max <n>', about).argParser(option.wholeNumber({ min: 1 }));
}

async function showLetters(terminal: Terminal, topic: string, options: DlqOptions): Promise<void> {
  const letters = await withServer(terminal, options, (broker) => readLetters(broker, topic, options));
  if (options.json) return terminal.printJson(letters.map(plainRecord));
  const { group } = options;
  if (letters.length === 0)
    return terminal.print(`group ${printable(group)} of ${printable(topic)} has no dead letters`);
  const header = ['id', 'why', 'deliveries', 'first', 'died', 'was at', 'last error', 'body'];
  await terminal.print(...tableLines(header, letters.map(rowOf)));
  const words = `mq dlq redrive ${shellWord(topic)}${group === DEFAULTS.group ? '' : ` --group ${shellWord(group)}`}`;
  terminal.complain(`mq: to bring them back: ${printable(words)}`);
}

function rowOf({ id, headers, body }: StoredRecord): (string | number)[] {
  const header = (name: keyof typeof DEAD_LETTER_HEADERS): string => headers[DEAD_LETTER_HEADERS[name]] ?? '';
  const time = (text: string): string => (text === '' ? '' : timeText(Number(text)));
  const text = Buffer.from(body.subarray(0, 4 * BODY_CHARACTERS_SHOWN)).toString('utf8');
  return [
    ...[id, header('reason'), Number(header('deliveryCount')), time(header('firstAt')), time(header('lastAt'))],
    ...[`${header('partition')}/${header('offset')}`, header('error'), text.slice(0, BODY_CHARACTERS_SHOWN)],
  ];
}

/** Also where none ever died, and the topic that would keep them was never made. */
async function readLetters(broker: Broker, topic: string, { group, max }: DlqOptions): Promise<StoredRecord[]> {
  requireCapability(broker, 'dead-letter', 'mq dlq');
  const [description] = await broker.describeTopics({ topic });
  const isThere = description?.groups.some((candidate) => candidate.group === group.normalize('NFC'));
  if (!isThere) throw new MqError('MQ_UNKNOWN_GROUP', `topic "${topic}" has no group "${group}"`);
  const letters: StoredRecord[] = [];
  try {
    const kept = deadLetterTopicOf(topic.normalize('NFC'), group.normalize('NFC'));
    const [place] = await broker.describeTopics({ topic: kept });
    let offset = place?.logStartOffset ?? 0;
    while (letters.length < max) {
      const count = Math.min(max - letters.length, broker.limits.receiveCountMax);
      const { records, nextOffset } = await broker.fetch(kept, { offset, max: count });
      if (nextOffset === offset) break;
      letters.push(...records);
      offset = nextOffset;
    }
  } catch (error) {
    if (!isMqError(error, 'MQ_UNKNOWN_TOPIC')) throw error;
  }
  return letters;
}

async function redriveLetters(terminal: Terminal, topic: string, options: ChoiceOptions): Promise<void> {
  const count = await withServer(terminal, options, (broker) => {
    return inSteps(broker, options, (chosen) => broker.redrive(topic, chosen));
  });
  await tell(terminal, { topic, options, count, what: 'went back to' });
}

async function dropLetters(terminal: Terminal, topic: string, options: ChoiceOptions): Promise<void> {
  const { id, max, all } = options;
  if (all !== true && id === undefined && !Number.isFinite(max)) {
    throw usageError('mq dlq drop deletes for good, so it is told which', 'give --id <id>, --max <n>, or --all');
  }
  const count = await withServer(terminal, options, (broker) => {
    return inSteps(broker, options, (chosen) => broker.dropDeadLetters(topic, chosen));
  });
  await tell(terminal, { topic, options, count, what: 'deleted, of' });
}

/** In steps of what one call may take; a step that finds fewer was the last. */
async function inSteps(
  broker: Broker,
  { group, id, max }: ChoiceOptions,
  step: (chosen: DeadLetterOptions) => Promise<number>,
): Promise<number> {
  requireCapability(broker, 'dead-letter', 'mq dlq');
  let count = 0;
  while (count < max) {
    const wanted = Math.min(max - count, broker.limits.receiveCountMax);
    const done = await step({ group, max: wanted, ids: id });
    count += done;
    if (done < wanted) break;
  }
  return count;
}

interface Done {
  readonly topic: string;
  readonly options: ChoiceOptions;
  readonly count: number;
  readonly what: string;
}

async function tell(terminal: Terminal, { topic, options, count, what }: Done): Promise<void> {
  const { group, json } = options;
  if (json) await terminal.printJson({ topic, group, count });
  else
    await terminal.print(`${counted(count, 'dead letter')} ${what} group ${printable(group)} of ${printable(topic)}`);
}
