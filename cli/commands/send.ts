/**
 * `mq send <topic>`: standard input, one message a line, or `--message`, or all of it as one with `--raw`.
 *
 * Always true: messages are sent in order, a group is read only after the one before was accepted (that is the
 * back-pressure), and at most one group is in memory. A failure says how many messages had been accepted.
 */
import type { Command } from 'commander';
import type { Broker } from '../../shared/contract/broker.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import type { Message } from '../../shared/contract/message.ts';
import { utf8Length } from '../../shared/contract/validation.ts';
import { Accepted, type SendSummary, summaryLine } from '../accepted.ts';
import { CommandError, usageError } from '../exit.ts';
import { inputBytes, readWhole } from '../input.ts';
import { LineTooLong, lineGroups } from '../lines.ts';
import * as option from '../options.ts';
import { Progress } from '../progress.ts';
import { withServer } from '../server-target.ts';
import type { Terminal } from '../terminal.ts';
import { counted, grouped, printable, shellWord } from '../text.ts';

const GROUP_COUNT_MAX = 1000;
const GROUP_BYTES_MAX = 1024 * 1024;
/** A send that takes longer than this waits for room, and a person who watches should know. */
const PATIENCE_MS = 1000;

interface SendCommandOptions extends option.TargetOptions {
  readonly message?: readonly string[];
  readonly raw?: boolean;
  readonly key?: string;
  readonly header?: Readonly<Record<string, string>>;
  readonly partition?: number;
  readonly delay?: number;
  readonly at?: number;
  readonly ttl?: number;
  readonly priority?: number;
  readonly timeout?: number;
  readonly codec?: 'gzip' | 'zstd';
  readonly json?: boolean;
}

export function define(command: Command, terminal: Terminal): void {
  command
    .argument('<topic>', 'where to')
    .option('-m, --message <text>', 'send this text instead of standard input; may be repeated', option.gathered)
    .option('--raw', 'send all of standard input as one message, unchanged')
    .option('--key <key>', 'key of every message: equal keys keep their order')
    .option('--header <name=value>', 'header of every message; may be repeated', option.headerPair)
    .option('--partition <n>', 'send to this partition', option.wholeNumber({ min: 0 }))
    .option('--delay <ms>', 'deliver it no sooner than so long from now (from stage 4)', option.wholeNumber({ min: 0 }))
    .option('--at <time>', 'deliver it no sooner than this time (from stage 4)', option.moment)
    .option(
      '--ttl <ms>',
      'do not deliver it later than so long from now (from stage 4)',
      option.wholeNumber({ min: 1 }),
    )
    .option('--priority <n>', '0 (default) to 9: higher first (from stage 4)', option.wholeNumber({ min: 0, max: 9 }))
    .option(
      '--timeout <ms>',
      'how long to wait for room in a full topic (default: as the server does)',
      option.wholeNumber({ min: 0 }),
    );
  command.addOption(option.codecOption('compress batches before they leave (over mq:// to stage 4)'));
  option.addJsonOption(option.addTargetOptions(command), 'what was accepted');
  option.addExamples(
    command,
    'seq 5 | mq send numbers',
    'mq send t < file',
    'mq send t -m hello --header color=red',
    'mq send t -m tea --delay 5000 --priority 9',
  );
  command.action((topic: string, options: SendCommandOptions) => runSend(terminal, topic, options));
}

async function runSend(terminal: Terminal, topic: string, options: SendCommandOptions): Promise<void> {
  if (options.raw && options.message !== undefined) {
    throw usageError('--raw reads standard input, --message does not', 'give one of the two');
  }
  if (options.delay !== undefined && options.at !== undefined) {
    throw usageError('--delay and --at both say when', 'give one of the two');
  }
  if (options.message === undefined && terminal.stdin.isTTY) {
    terminal.complain(`mq: one message a line, to "${printable(topic)}"; Ctrl-D on an empty line ends`);
  }
  await withServer(terminal, options, async (broker) => {
    const sending = new Sending(broker, topic, options);
    const totalBytes = options.message === undefined ? inputBytes(terminal.stdin) : undefined;
    try {
      using progress = new Progress(terminal, 'sending');
      for await (const group of groupsOf(terminal, broker, options)) {
        await patiently(progress, topic, () => sending.send(group));
        const share = totalBytes === undefined ? undefined : sending.bytes / totalBytes;
        progress.show(counted(sending.count, 'message'), share);
      }
    } catch (error) {
      if (sending.count > 0)
        terminal.complain(`mq: ${counted(sending.count, 'message')} had been accepted before this:`);
      throw error;
    } finally {
      terminal.stdin.destroy?.();
    }
    if (options.json) await terminal.printJson(sending.summary);
    else await terminal.print(summaryLine(sending.summary));
  });
}

/** Says, while `work` takes long, what it most likely waits for. */
async function patiently(progress: Progress, topic: string, work: () => Promise<void>): Promise<void> {
  const timer = setInterval(() => {
    progress.show(`waits: is ${topic} full? make room with: mq receive ${shellWord(topic)}`);
  }, PATIENCE_MS);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
}

type Body = Uint8Array | string;

async function* groupsOf(
  terminal: Terminal,
  broker: Broker,
  options: SendCommandOptions,
): AsyncGenerator<readonly Body[]> {
  const { limits } = broker;
  if (options.message !== undefined) {
    for (const text of options.message) yield [text];
  } else if (options.raw) {
    yield [await readWhole(terminal.stdin, limits.bodyBytesMax)];
  } else {
    const extraBytes = extraBytesOf(options);
    const countByBytes = Math.floor(limits.batchBytesMax / 2 / Math.max(extraBytes, 1));
    try {
      yield* lineGroups(terminal.stdin, {
        countMax: Math.max(1, Math.min(GROUP_COUNT_MAX, limits.batchCountMax, countByBytes)),
        bytesMax: Math.min(GROUP_BYTES_MAX, Math.floor(limits.batchBytesMax / 2)),
        lineBytesMax: limits.bodyBytesMax,
      });
    } catch (error) {
      if (!(error instanceof LineTooLong)) throw error;
      throw new CommandError(
        `line ${error.lineNumber} has more than the ${grouped(limits.bodyBytesMax)} bytes a message may have`,
        { hint: 'cut it into pieces, or leave it out' },
      );
    }
  }
}

/** Bytes key and headers add to every message of a batch. */
function extraBytesOf({ key = '', header = {} }: SendCommandOptions): number {
  return utf8Length(key) + Object.entries(header).reduce((sum, [name, value]) => sum + utf8Length(name + value), 0);
}

/** One run of `mq send`: sends groups and keeps count of what was accepted. */
class Sending {
  readonly #broker: Broker;
  readonly #topic: string;
  readonly #options: SendCommandOptions;
  readonly #accepted = new Accepted();
  /** Messages of one batch at most; halved whenever the topic turns out to hold fewer. */
  #batchCountMax = GROUP_COUNT_MAX;

  constructor(broker: Broker, topic: string, options: SendCommandOptions) {
    this.#broker = broker;
    this.#topic = topic;
    this.#options = options;
    if (!broker.capabilities.has('batch')) this.#batchCountMax = 1;
  }

  get count(): number {
    return this.#accepted.count;
  }

  /** Body bytes accepted, and one for each line end. */
  get bytes(): number {
    return this.#accepted.bytes;
  }

  get summary(): SendSummary {
    const summary = this.#accepted.summary;
    const { delay, at } = this.#options;
    // With a time that was over already it is in the log as any other, with an offset.
    const isDelayed = (delay !== undefined || at !== undefined) && this.count > 0 && summary.lastOffset === null;
    return { topic: this.#topic, isDelayed, ...summary };
  }

  async send(group: readonly Body[]): Promise<void> {
    for (let start = 0; start < group.length; ) {
      const bodies = group.slice(start, start + this.#batchCountMax);
      if (await this.#sendBatch(bodies)) start += bodies.length;
      else this.#batchCountMax = Math.ceil(bodies.length / 2);
    }
  }

  /** False when the topic can never hold so many at once, and nothing was taken. */
  async #sendBatch(bodies: readonly Body[]): Promise<boolean> {
    const { partition, timeout } = this.#options;
    const messages = bodies.map((body) => this.#messageOf(body));
    const sendOptions = { partition, timeoutMs: timeout };
    try {
      const [only] = messages;
      if (messages.length === 1 && only !== undefined) {
        const receipt = await this.#broker.send(this.#topic, only, sendOptions);
        this.#accepted.add(bodies, { ...receipt, baseOffset: receipt.offset });
      } else {
        this.#accepted.add(bodies, await this.#broker.sendBatch(this.#topic, messages, sendOptions));
      }
      return true;
    } catch (error) {
      if (isMqError(error, 'MQ_BATCH_TOO_LARGE') && bodies.length > 1) return false;
      throw error;
    }
  }

  #messageOf(body: Body): Message {
    const { key, header, delay, at, ttl, priority } = this.#options;
    return { body, key, headers: header, delayMs: delay, deliverAt: at, ttlMs: ttl, priority };
  }
}
