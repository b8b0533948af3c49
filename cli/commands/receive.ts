/**
 * `mq receive <topic>`: takes messages from a group, prints them, and acknowledges them.
 *
 * Always true: a message is acknowledged (or given back, with `--ack`) after its bytes were accepted by standard output,
 * never before, so killing the command loses nothing: what was not printed is delivered again. What it still holds when it ends early (Ctrl-C,
 * `| head`) it gives back at once. "Accepted" into a pipe means that the pipe has it, read or not; so the first steps
 * are small, and `| head -3` finishes a few messages and not hundreds.
 */
import type { Command } from 'commander';
import type { Broker, NackOutcome } from '../../shared/contract/broker.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import type { Delivery } from '../../shared/contract/message.ts';
import { usageError } from '../exit.ts';
import * as option from '../options.ts';
import { Progress } from '../progress.ts';
import { writeRecords } from '../record-output.ts';
import { requireCapability, requireFilters, withServer } from '../server-target.ts';
import { untilStopped } from '../signals.ts';
import type { Terminal } from '../terminal.ts';
import { counted, printable, shellWord } from '../text.ts';

/** Small enough that a slow reader finishes it within a lease, large enough that the wire is not the bottleneck. */
const RECEIVE_COUNT_MAX = 500;
const DEFAULT_WAIT_MS = 1000;
/** Messages of the first step; each further step takes twice as many, up to RECEIVE_COUNT_MAX. */
const FIRST_STEP_COUNT = 1;

/** What becomes of a message: `printed` finishes it once it was accepted by standard output. */
const ACK_WORDS = ['printed', 'none', 'retry', 'return', 'reject'] as const;
type AckWord = (typeof ACK_WORDS)[number];

interface ReceiveCommandOptions extends option.TargetOptions, option.FilterFlags {
  readonly group?: string;
  readonly member?: string;
  readonly max: number;
  readonly wait: number;
  readonly lease?: number;
  readonly ack: AckWord;
  readonly delay?: number;
  readonly reason?: string;
  readonly follow?: boolean;
  readonly raw?: boolean;
  readonly json?: boolean;
}

const ABOUT_ACK =
  'printed: finish a message once the terminal, file or pipe has it; none: let its lease run out; retry: it failed, ' +
  'again; return: again, no failure; reject: never again (from stage 4)';

export function define(command: Command, terminal: Terminal): void {
  command
    .argument('<topic>', 'where from')
    .option('--group <name>', 'the group to read for: each group sees every message')
    .option('--member <name>', 'name of this reader within its group (default: a new one)')
    .option('--wait <ms>', 'end after so long without one', option.wholeNumber({ min: 0 }), DEFAULT_WAIT_MS)
    .option('--follow', 'do not end: wait for the next message')
    .option('--lease <ms>', 'how long a message stays ours unacknowledged', option.wholeNumber({ min: 1 }))
    .addOption(option.choice('--ack <what>', ABOUT_ACK, ACK_WORDS).default('printed'))
    .option('--delay <ms>', 'with --ack retry or return: not again before so long', option.wholeNumber({ min: 0 }))
    .option('--reason <text>', 'with --ack retry or reject: why, for mq explain and mq dlq')
    .option('--raw', 'print bodies without a line end after each');
  option.addFilterOptions(command, 'the rest stays for others');
  option.addMaxOption(command, 'end after so many messages');
  option.addJsonOption(option.addTargetOptions(command), 'each delivery on a line');
  option.addExamples(
    command,
    'mq receive numbers',
    'mq receive t --group audit --max 100 --json',
    'mq receive t --follow | grep error',
    'mq receive t --max 1 --ack reject --reason "no such order"',
    `mq receive t --selector "region = 'eu'"`,
  );
  command.action((topic: string, options: ReceiveCommandOptions) => runReceive(terminal, topic, options));
}

async function runReceive(terminal: Terminal, topic: string, options: ReceiveCommandOptions): Promise<void> {
  checkGivingBack(options);
  await untilStopped((signal) =>
    withServer(terminal, options, async (broker) => {
      if (options.group !== undefined) requireCapability(broker, 'groups', '--group');
      if (options.ack === 'reject') requireCapability(broker, 'dead-letter', '--ack reject');
      if (options.ack === 'retry' || options.ack === 'return')
        requireCapability(broker, 'lease', `--ack ${options.ack}`);
      if (options.delay !== undefined) requireCapability(broker, 'delay', '--delay');
      requireFilters(broker, options);
      await new Receiving(terminal, broker, topic, options).run(signal);
    }),
  );
}

/** What is given back comes again: without an end it would be printed for ever. */
function checkGivingBack({ ack, max, delay, reason, lease, wait, follow }: ReceiveCommandOptions): void {
  const comesAgain = ack === 'retry' || ack === 'return';
  const waitsLongerThanLease = lease !== undefined && (follow === true || lease <= wait);
  if (ack === 'none' && waitsLongerThanLease && !Number.isFinite(max)) {
    throw usageError(
      `--ack none lets each lease run out, after ${lease} ms, and the message would come again while this waits`,
      'say how many you want: --max 1, or take a --lease longer than --wait',
    );
  }
  if (comesAgain && !Number.isFinite(max)) {
    throw usageError(`--ack ${ack} gives a message back, and it would come again`, 'say how many you want: --max 1');
  }
  if (delay !== undefined && !comesAgain) {
    throw usageError('--delay says when a message comes again', 'it goes with --ack retry or --ack return');
  }
  if (reason !== undefined && ack !== 'retry' && ack !== 'reject') {
    throw usageError('--reason says why a message failed', 'it goes with --ack retry or --ack reject');
  }
}

/** One run of `mq receive`. */
class Receiving {
  readonly #terminal: Terminal;
  readonly #broker: Broker;
  readonly #topic: string;
  readonly #options: ReceiveCommandOptions;
  /** Messages printed. */
  #count = 0;
  /** Messages the next step takes at most. */
  #stepCount = FIRST_STEP_COUNT;
  /** Received and not yet acknowledged. */
  #held: readonly Delivery[] = [];

  constructor(terminal: Terminal, broker: Broker, topic: string, options: ReceiveCommandOptions) {
    this.#terminal = terminal;
    this.#broker = broker;
    this.#topic = topic;
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { max, ack } = this.#options;
    using progress = new Progress(this.#terminal, 'receiving');
    try {
      await this.#greet();
      while (this.#count < max && !signal.aborted) {
        const deliveries = await this.#receive(signal);
        if (deliveries.length === 0) return;
        await writeRecords(this.#terminal, deliveries, this.#options);
        this.#count += deliveries.length;
        if (ack === 'printed') await this.#ack();
        else if (ack !== 'none') await this.#nack(ack);
        this.#stepCount *= 2;
        if (!this.#terminal.stdout.isTTY) this.#showProgress(progress);
      }
    } catch (error) {
      await this.#giveBack();
      if (!(signal.aborted && isMqError(error, 'MQ_ABORTED'))) throw error;
    }
  }

  /** A topic that is not there is made by receiving from it: told, because it may be a slip of the keyboard. */
  async #greet(): Promise<void> {
    try {
      await this.#broker.describeTopics({ topic: this.#topic });
    } catch (error) {
      if (!isMqError(error, 'MQ_UNKNOWN_TOPIC')) throw error;
      this.#terminal.complain(
        `mq: topic "${printable(this.#topic)}" is new and empty`,
        `    what there is: mq topics     (to fill it: mq send ${printable(shellWord(this.#topic))})`,
      );
    }
  }

  /** The next deliveries; none when `--wait` passed without one. Waits longer than the broker allows are repeated. */
  async #receive(signal: AbortSignal): Promise<readonly Delivery[]> {
    const { group, member, lease, max, wait, follow } = this.#options;
    const { receiveCountMax, waitMsMax } = this.#broker.limits;
    let leftMs = follow ? Number.POSITIVE_INFINITY : wait;
    do {
      const waitMs = Math.min(leftMs, waitMsMax);
      this.#held = await this.#broker.receive(this.#topic, {
        max: Math.min(this.#stepCount, RECEIVE_COUNT_MAX, receiveCountMax, max - this.#count),
        waitMs,
        signal,
        group,
        memberId: member,
        leaseMs: lease,
        filter: option.filterOf(this.#options),
      });
      leftMs -= waitMs;
    } while (this.#held.length === 0 && leftMs > 0);
    return this.#held;
  }

  /** Finishes what was printed. A lease that ended meanwhile is no failure of ours, but the reader should know. */
  async #ack(): Promise<void> {
    const held = this.#held;
    this.#held = [];
    if (held.every(({ leaseToken }) => leaseToken === null)) return;
    try {
      await this.#broker.ack(held);
    } catch (error) {
      if (!isMqError(error, 'MQ_LEASE_EXPIRED')) throw error;
      const lateCount = error.details.failed?.length ?? held.length;
      this.#terminal.complain(
        `mq: ${counted(lateCount, 'message')} took longer to print than their lease and will be delivered again`,
        '    give them more time: --lease <ms>',
      );
    }
  }

  /** Gives back what was printed, or rejects it. */
  async #nack(outcome: NackOutcome): Promise<void> {
    const { delay: delayMs, reason } = this.#options;
    // Held until all of it went well: should one fail, the member leaves with the rest.
    await Promise.all(this.#held.map((delivery) => this.#broker.nack(delivery, { outcome, delayMs, reason })));
    this.#held = [];
  }

  /** Ending early: what was received and not printed goes back to the group now, not when its lease ends. */
  async #giveBack(): Promise<void> {
    const [first] = this.#held;
    if (first === undefined || first.leaseToken === null || this.#options.ack === 'none') return;
    const { group, memberId } = first;
    // When this fails too, the leases end by themselves; the first failure is the one to report.
    await this.#broker.leave(this.#topic, { group, memberId }).catch(() => undefined);
  }

  #showProgress(progress: Progress): void {
    const { max } = this.#options;
    progress.show(counted(this.#count, 'message'), Number.isFinite(max) ? this.#count / max : undefined);
  }
}
