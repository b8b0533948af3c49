/**
 * What one broker counts beyond the numbers of its topics, and tells when it is asked.
 *
 *     channels --> Meters --> Metric[]        accepted -> first delivered, accepted -> acked, why messages came again, ...
 *     disk ------/
 *
 * Always true: it counts from its making to `close` and keeps no message; its memory is bounded: latencies of records that
 * wait for long become coarse, and of those that were accepted before it was made none is told, they are only counted.
 */
import type { Metric, MetricSeries } from '../../../shared/contract/metrics.ts';
import { AcceptTimes } from './accept-times.ts';
import { CHANNELS, type LifeChannel, type LifeEvent, type Source } from './channels.ts';
import { Histogram, SECONDS } from './histogram.ts';
import type { WatchedDisk } from './watched-disk.ts';

/** Marks of all partitions together: 16 bytes each. */
const MARKS_MAX = 1_000_000;
/** Of one partition. */
const PARTITION_MARKS_MAX = 4096;

export interface MetersOptions {
  readonly source: Source;
  /** Undefined: syncs are not timed. */
  readonly disk?: WatchedDisk | undefined;
}

interface Run {
  readonly topic: string;
  readonly partition: number;
  readonly fromOffset: number;
  readonly count: number;
  readonly at: number;
}

export class Meters {
  readonly #disk: WatchedDisk | undefined;
  readonly #source: Source;
  readonly #ends: (() => void)[] = [];
  /** By topic, then by partition. */
  readonly #accepted = new Map<string, AcceptTimes[]>();
  #partitionCount = 0;
  readonly #toFirstDelivery = new Histogram(SECONDS);
  readonly #toAck = new Histogram(SECONDS);
  #unknownCount = 0;
  #storedCount = 0;
  #storedBytes = 0;
  #ackedCount = 0;
  #dueCount = 0;
  #slowConsumerCount = 0;
  readonly #givenBack = new Tally();
  readonly #dead = new Tally();
  readonly #letters = new Tally();
  readonly #transactions = new Tally();
  /** By reason: how many it holds back now. */
  readonly #flowControl = new Tally();

  constructor({ source, disk }: MetersOptions) {
    this.#source = source;
    this.#disk = disk;
    this.#listen();
  }

  /** As they are now. */
  metrics(): readonly Metric[] {
    return [
      histogram(
        'mq_accepted_to_first_delivered_seconds',
        'from acceptance to the first delivery',
        this.#toFirstDelivery,
      ),
      histogram('mq_accepted_to_acked_seconds', 'from acceptance to the ack', this.#toAck),
      counter(
        'mq_latency_unknown_count',
        'deliveries and acks of records accepted before the start',
        this.#unknownCount,
      ),
      counter('mq_stored_count', 'records stored', this.#storedCount),
      counter('mq_stored_bytes', 'bytes stored, as they are on the disk', this.#storedBytes),
      counter('mq_acked_count', 'deliveries acked', this.#ackedCount),
      counter('mq_due_count', 'delayed messages that were due', this.#dueCount),
      this.#givenBack.metric('mq_given_back_count', 'deliveries given back', 'reason'),
      this.#dead.metric('mq_dead_count', 'messages given up', 'reason'),
      this.#letters.metric('mq_dead_letters_count', 'dead letters brought back or dropped', 'what'),
      this.#transactions.metric('mq_transactions_count', 'transactions ended', 'outcome'),
      counter('mq_slow_consumers_count', 'times a consumer was found too slow', this.#slowConsumerCount),
      { ...this.#flowControl.metric('mq_flow_control', 'senders that are held back now', 'reason'), kind: 'gauge' },
      ...this.#ofDisk(),
    ];
  }

  close(): void {
    this.#accepted.clear();
    this.#partitionCount = 0;
    for (const end of this.#ends) end();
  }

  #listen(): void {
    this.#on(CHANNELS.stored, (event) => this.#stored(event));
    this.#on(CHANNELS.delivered, (event) => {
      if (event.isFirst) this.#measure(this.#toFirstDelivery, event);
    });
    this.#on(CHANNELS.acked, (event) => {
      this.#ackedCount += event.count;
      this.#measure(this.#toAck, event);
    });
    this.#on(CHANNELS.givenBack, ({ reason, count }) => this.#givenBack.add(reason, count));
    this.#on(CHANNELS.dead, ({ why, count }) => this.#dead.add(why, count));
    this.#on(CHANNELS.letters, ({ what, count }) => this.#letters.add(what, count));
    this.#on(CHANNELS.due, ({ count }) => {
      this.#dueCount += count;
    });
    this.#on(CHANNELS.topicChanged, ({ topic, change }) => {
      if (change === 'deleted') this.#forget(topic);
    });
    this.#on(CHANNELS.transactionEnded, ({ outcome }) => this.#transactions.add(outcome, 1));
    this.#on(CHANNELS.slowConsumer, () => {
      this.#slowConsumerCount += 1;
    });
    this.#on(CHANNELS.flowControl, ({ why, isOn }) => this.#flowControl.add(why, isOn ? 1 : -1));
  }

  #on<Event extends LifeEvent>(channel: LifeChannel<Event>, listener: (event: Event) => void): void {
    this.#ends.push(channel.watch(this.#source, listener));
  }

  #stored({ topic, partition, fromOffset, count, bytes, timestamp }: Run & { bytes: number; timestamp: number }): void {
    this.#storedCount += count;
    this.#storedBytes += bytes;
    const marksMax = Math.min(PARTITION_MARKS_MAX, Math.floor(MARKS_MAX / (this.#partitionCount + 1)));
    this.#timesOf(topic, partition).add({ fromOffset, count, at: timestamp }, marksMax);
  }

  #timesOf(topic: string, partition: number): AcceptTimes {
    let partitions = this.#accepted.get(topic);
    if (partitions === undefined) {
      partitions = [];
      this.#accepted.set(topic, partitions);
    }
    const known = partitions[partition];
    if (known !== undefined) return known;
    const times = new AcceptTimes();
    partitions[partition] = times;
    this.#partitionCount += 1;
    return times;
  }

  #measure(into: Histogram, run: Run): void {
    const times = this.#accepted.get(run.topic)?.[run.partition];
    const unknown = times?.forEach(run, (at, count) => into.add(Math.max(run.at - at, 0) / 1000, count));
    this.#unknownCount += unknown ?? run.count;
  }

  #forget(topic: string): void {
    this.#partitionCount -= this.#accepted.get(topic)?.filter((times) => times !== undefined).length ?? 0;
    this.#accepted.delete(topic);
  }

  #ofDisk(): Metric[] {
    if (this.#disk === undefined) return [];
    const { syncSeconds, syncFailureCount, stalledMs } = this.#disk;
    return [
      histogram('mq_sync_seconds', 'syncs of the disk that succeeded', syncSeconds),
      counter('mq_sync_failures_count', 'syncs of the disk that failed', syncFailureCount),
      {
        name: 'mq_sync_stalled_seconds',
        kind: 'gauge',
        help: 'how long the oldest sync has not come back',
        series: [{ labels: {}, value: stalledMs / 1000 }],
      },
    ];
  }
}

/** How often, by a word of which there are few. */
class Tally {
  readonly #counts = new Map<string, number>();

  add(word: string, count: number): void {
    this.#counts.set(word, Math.max((this.#counts.get(word) ?? 0) + count, 0));
  }

  metric(name: string, help: string, label: string): Metric {
    const series: MetricSeries[] = [...this.#counts].map(([word, value]) => ({ labels: { [label]: word }, value }));
    return { name, kind: 'counter', help, series };
  }
}

function counter(name: string, help: string, value: number): Metric {
  return { name, kind: 'counter', help, series: [{ labels: {}, value }] };
}

function histogram(name: string, help: string, of: Histogram): Metric {
  return { name, kind: 'histogram', help, series: [{ labels: {}, value: of.value() }] };
}
