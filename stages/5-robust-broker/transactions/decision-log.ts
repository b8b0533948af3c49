/**
 * What was decided of transactions that concern more than one partition, in a log of its own: `transactions/`.
 *
 *     [decided 7-3: p0 of a, p1 of b, acks ...] [done 7-3] [decided 7-9 ...] ... [all that is not done, once more] <- released
 *
 * Always true:
 *   - I5: a transaction is committed from the moment its decision is as safe as the flush policy says, and never before
 *   - I8: a decision is kept until it is done: each of its partitions has its marker, each group its acks and positions
 *   - the log holds at most twice what is not done, and `slackBytes`; its files a segment more
 * Used by the coordinator alone.
 */
import { isMqError } from '../../../shared/contract/errors.ts';
import type { EncodableMessage } from '../../4-persisted-log/bytes/record.ts';
import { encodeBatch } from '../../4-persisted-log/bytes/record-batch.ts';
import { type AppendReceipt, PartitionLog } from '../../4-persisted-log/log/log.ts';
import { parse } from '../../4-persisted-log/log/whole-file.ts';
import { batchFrom } from '../../4-persisted-log/log-reading.ts';
import type { TopicSettings } from '../../4-persisted-log/topic-settings.ts';
import { nameOf, type TransactionEpoch } from './marker.ts';

const SEGMENT_BYTES_MAX = 4 * 1024 * 1024;
/** 16 bytes: no topic's. */
const LOG_ID = new TextEncoder().encode('$stage-decisions');

/** A partition of a topic; the id tells a topic from one that was made under its name later. */
export interface DecidedPlace {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
}

/** Deliveries of one group that are finished with it. */
export interface DecidedAcks extends DecidedPlace {
  /** Its number in the topic. */
  readonly group: number;
  /** From, and how many; ascending. */
  readonly runs: readonly (readonly [fromOffset: number, count: number])[];
}

/** Where a log group stands with it. */
export interface DecidedPosition extends DecidedPlace {
  readonly group: number;
  readonly offset: number;
}

export interface Decision extends TransactionEpoch {
  readonly places: readonly DecidedPlace[];
  readonly acks: readonly DecidedAcks[];
  readonly positions: readonly DecidedPosition[];
}

type LogEntry = ({ readonly kind: 'decided' } & Decision) | ({ readonly kind: 'done' } & TransactionEpoch);

const encoder = new TextEncoder();

type LogSetting = 'disk' | 'clock' | 'flushPolicy' | 'flushIntervalMs' | 'segmentBytesMax' | 'sideCache' | 'onNotice';

export interface DecisionLogOptions {
  readonly settings: Pick<TopicSettings, LogSetting>;
  readonly folder: string;
  /** Beyond twice what is not done. Default: what a segment holds. */
  readonly slackBytes?: number | undefined;
  /** At a start: told of every transaction that the log still names. All of them were committed. */
  readonly onCommitted: (transaction: TransactionEpoch) => void;
  /** It is done, and no crash can make that undone: nobody will ask for it to be carried out again. */
  readonly onForgotten: (decision: Decision) => void;
}

export class DecisionLog {
  readonly #log: PartitionLog;
  readonly #options: DecisionLogOptions;
  /** By transaction. */
  readonly #undone = new Map<string, Decision>();
  /** Where those are that are on their way to the disk. */
  readonly #deciding = new Set<number>();
  /** Of the decisions that are not done, and of what was written since they were written together. */
  #undoneBytes = 0;
  readonly #bytesOf = new Map<string, number>();
  #writtenBytes = 0;
  /** Done, which is written and perhaps not synced: up to which offset the log has to be. */
  #unsafe: { readonly decision: Decision; readonly untilOffset: number }[] = [];
  #rewriting: Promise<void> | undefined;
  readonly #slackBytes: number;

  private constructor(log: PartitionLog, options: DecisionLogOptions) {
    this.#log = log;
    this.#options = options;
    this.#slackBytes = options.slackBytes ?? segmentBytesMaxOf(options);
  }

  static async open(options: DecisionLogOptions): Promise<DecisionLog> {
    const { settings, folder } = options;
    const { disk, clock, flushPolicy, flushIntervalMs, sideCache: cache, onNotice } = settings;
    const log = await PartitionLog.open({
      ...{ disk, folder, clock, flushPolicy, flushIntervalMs, cache, onNotice },
      ...{ topicId: LOG_ID, partition: 0, wasClean: false, segmentBytesMax: segmentBytesMaxOf(options) },
    });
    const decisions = new DecisionLog(log, options);
    try {
      await decisions.#read();
      return decisions;
    } catch (error) {
      await log.close().catch(() => undefined); // why it cannot be read says more
      throw error;
    }
  }

  /** Those that are not done, in the order in which they were decided. */
  get undone(): readonly Decision[] {
    return [...this.#undone.values()];
  }

  /** Resolves when the transaction is committed; after a rejection it is not. */
  async decide(decision: Decision): Promise<void> {
    const bytes = batchOf([{ kind: 'decided', ...decision }]);
    const { length } = bytes;
    const offset = this.#log.logEndOffset;
    const id = nameOf(decision);
    this.#deciding.add(offset);
    try {
      await this.#log.append(bytes);
      this.#undone.set(id, decision); // in the turn in which it is under way no more
    } finally {
      this.#deciding.delete(offset);
    }
    this.#bytesOf.set(id, length);
    this.#undoneBytes += length;
    this.#wrote(length);
  }

  /** Resolves when what was decided before is on the disk, and nothing else is. */
  async sync(): Promise<void> {
    await this.#log.sync();
  }

  /** Nobody waits for it: what is carried out twice is so once. */
  done(decision: Decision): void {
    this.#noteDone(decision);
    const { producerId, epoch } = decision;
    const bytes = batchOf([{ kind: 'done', producerId, epoch }]);
    const { length } = bytes;
    const onWritten = ({ baseOffset }: AppendReceipt): void => {
      this.#unsafe.push({ decision, untilOffset: baseOffset + 1 });
      this.#wrote(length);
    };
    const onFailed = (error: unknown): void => {
      if (!isMqError(error, 'MQ_CLOSED')) this.#notice(`the end of a transaction was not noted: ${String(error)}`);
    };
    this.#log.append(bytes, { isSynced: false }).then(onWritten, onFailed);
  }

  /** Of the log, from the first byte that is still needed. */
  get heldBytes(): number {
    return this.#log.heldBytes;
  }

  async close(): Promise<void> {
    await this.#rewriting;
    await this.#log.close();
  }

  #noteDone(transaction: TransactionEpoch): void {
    const id = nameOf(transaction);
    this.#undone.delete(id);
    this.#undoneBytes -= this.#bytesOf.get(id) ?? 0;
    this.#bytesOf.delete(id);
  }

  #wrote(bytes: number): void {
    this.#writtenBytes += bytes;
    this.#forgetSafe();
    if (this.#writtenBytes < this.#slackBytes + this.#undoneBytes) return;
    this.#rewriting ??= this.#rewrite()
      .catch((error: unknown) => this.#notice(`the log of decisions is not trimmed: ${String(error)}`))
      .finally(() => {
        this.#rewriting = undefined;
      });
  }

  /** What is not done is written once more, and all before it is released, but for what is on its way just now. */
  async #rewrite(): Promise<void> {
    this.#writtenBytes = 0;
    const deciding = Math.min(...this.#deciding);
    let begin = this.#log.logEndOffset;
    if (this.#undone.size > 0) {
      const entries = this.undone.map((decision) => ({ kind: 'decided' as const, ...decision }));
      const { baseOffset } = await this.#log.append(batchOf(entries), { isSynced: true });
      begin = baseOffset;
    } else await this.#log.sync();
    this.#forgetSafe();
    await this.#log.releaseBelow(Math.min(begin, deciding));
  }

  #forgetSafe(): void {
    const { syncedOffset } = this.#log;
    for (let [first] = this.#unsafe; first !== undefined && first.untilOffset <= syncedOffset; [first] = this.#unsafe) {
      this.#unsafe.shift();
      this.#options.onForgotten(first.decision);
    }
  }

  #notice(text: string): void {
    this.#options.settings.onNotice(text);
  }

  async #read(): Promise<void> {
    for (let next = this.#log.logStartOffset; next < this.#log.logEndOffset; ) {
      const batch = await batchFrom(this.#log, next);
      if (batch === undefined) return;
      for (next = Math.max(next, batch.baseOffset); next < batch.nextOffset; next += 1) {
        const { body } = batch.recordAt(next);
        const entry = parse(body) as LogEntry; // its checksum is right, so we wrote it
        if (entry.kind === 'done') this.#noteDone(entry);
        else this.#undone.set(nameOf(entry), entry);
        this.#options.onCommitted(entry);
      }
    }
    this.#writtenBytes = this.#log.heldBytes;
  }
}

/** Who wants small files of a broker has small ones here, too: what is done is gone as soon as that of topics. */
function segmentBytesMaxOf({ settings }: DecisionLogOptions): number {
  return Math.min(settings.segmentBytesMax, SEGMENT_BYTES_MAX);
}

function batchOf(entries: readonly LogEntry[]): Uint8Array {
  const records: EncodableMessage[] = entries.map((entry) => ({ body: encoder.encode(JSON.stringify(entry)) }));
  return encodeBatch(records, { idPrefix: '', firstIdNumber: 0 });
}
