/**
 * Who is who among producers: gives ids away, and knows which epoch of a name is in force.
 *
 *     open()           id 2n, epoch 0           n from a block that was reserved on the disk: no sync for most of them
 *     open('billing')  id 2n + 1, next epoch    on the disk before it is answered; older epochs are fenced at once
 *
 *     log:  [n below 1024] [billing: 5, epoch 0] [billing: 5, epoch 1] ... [all of it once more] <- what is before may go
 *
 * Always true:
 *   - I1: an id is given once for ever, whatever crashes: a start goes on behind the last block that was reserved
 *   - an id says whether it has a name, so the id of a name that is remembered no more is known to be nobody's
 *   - all of it is synced, whatever the flush policy of the topics is: an id that two have loses messages
 * The broker makes it; what sends, and what begins transactions, asks it.
 */
import type { Clock } from '../../../shared/clock.ts';
import type { ProducerIdentity } from '../../../shared/contract/producer.ts';
import type { Disk } from '../../../shared/disk.ts';
import { encodeBatch } from '../../4-persisted-log/bytes/record-batch.ts';
import type { BatchCache } from '../../4-persisted-log/log/batch-cache.ts';
import { type AppendReceipt, PartitionLog } from '../../4-persisted-log/log/log.ts';
import { parse } from '../../4-persisted-log/log/whole-file.ts';
import { batchFrom } from '../../4-persisted-log/log-reading.ts';
import { NamedProducers, type NameRecord, nobodyError } from './named-producers.ts';

/** Numbers that are reserved together; when half of them are left, the next ones are. */
const BLOCK_COUNT = 1024;
/** So many records more than there are names, and everything is written once more. */
const OVER_COUNT_MAX = 4096;
/** Records in a batch at most. */
const BATCH_COUNT = 1024;
const SEGMENT_BYTES_MAX = 4 * 1024 * 1024;
/** 16 bytes: no topic's. */
const LOG_ID = new TextEncoder().encode('$stage-producers');

const encoder = new TextEncoder();

/** A record of the log: numbers below are reserved, or what is known of a name. */
type IdRecord = { readonly reservedBelow: number } | NameRecord;

export interface ProducerIdsOptions {
  readonly disk: Disk;
  /** Made when it is missing. */
  readonly folder: string;
  readonly clock: Clock;
  readonly cache: BatchCache;
  /** The data folder was closed in order. */
  readonly wasClean: boolean;
  /** Names that are remembered. */
  readonly namesMax: number;
  /** What goes wrong while nobody waits. */
  readonly onNotice: (text: string) => void;
}

export class ProducerIds {
  readonly #log: PartitionLog;
  readonly #options: ProducerIdsOptions;
  readonly #names: NamedProducers;
  /** The next number to be given, */
  #next = 0;
  /** the first that is not reserved, */
  #reservedBelow = 0;
  /** and the one that is not even asked for. */
  #askedBelow = 0;
  #reserving: Promise<void> | undefined;
  /** Of names: records that are on their way to the disk. */
  readonly #saving = new Map<string, Promise<unknown>>();
  /** Records in the log. */
  #recordCount = 0;
  #rewriting: Promise<void> | undefined;

  private constructor(log: PartitionLog, options: ProducerIdsOptions) {
    this.#log = log;
    this.#options = options;
    this.#names = new NamedProducers(options.namesMax);
  }

  static async open(options: ProducerIdsOptions): Promise<ProducerIds> {
    const { disk, folder, clock, cache, wasClean, onNotice } = options;
    const log = await PartitionLog.open({
      ...{ disk, folder, clock, cache, wasClean, onNotice, topicId: LOG_ID, partition: 0 },
      ...{ flushPolicy: 'always', flushIntervalMs: 0, segmentBytesMax: SEGMENT_BYTES_MAX },
    });
    const ids = new ProducerIds(log, options);
    try {
      await ids.#readLog();
      return ids;
    } catch (error) {
      await log.close().catch(() => undefined); // why it cannot be read says more
      throw error;
    }
  }

  /**
   * A new producer, or the next epoch of the one with this name, which fences those before. `epochsAhead` are reserved with
   * it: so many opens under the name then need no sync, and a crash skips what is left of them.
   */
  async open(name?: string, { epochsAhead = 0 }: { readonly epochsAhead?: number } = {}): Promise<ProducerIdentity> {
    while (this.#next >= this.#reservedBelow) await this.#reserve();
    if (name === undefined) return { producerId: 2 * this.#take(), epoch: 0 };
    const newProducerId = (): number => 2 * this.#take() + 1;
    const { identity, record } = this.#names.open(name, { newProducerId, epochsAhead });
    if (record !== undefined) this.#save(record);
    await this.#saving.get(name);
    return identity;
  }

  /** Throws for a producer that may not send (any more): `MQ_PRODUCER_FENCED`, `MQ_UNKNOWN_PRODUCER`. */
  check(identity: ProducerIdentity): void {
    const { producerId, epoch } = identity;
    // Its lowest bit, of any safe integer; a remainder would take as long as all the rest of the check.
    if ((producerId & 1) === 1) this.#names.check(identity);
    else if (producerId / 2 >= this.#next || epoch > 0) throw nobodyError(identity);
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#reserving, this.#rewriting]);
    await this.#log.close();
  }

  #take(): number {
    const number = this.#next;
    this.#next += 1;
    if (this.#reservedBelow - this.#next < BLOCK_COUNT / 2) {
      // Nobody waits for it yet; who finds none left reserves again, and is told.
      this.#reserve().catch(() => undefined);
    }
    return number;
  }

  #reserve(): Promise<void> {
    this.#reserving ??= this.#reserveBlock().finally(() => {
      this.#reserving = undefined;
    });
    return this.#reserving;
  }

  async #reserveBlock(): Promise<void> {
    const reservedBelow = this.#reservedBelow + BLOCK_COUNT;
    this.#askedBelow = reservedBelow;
    await this.#append([{ reservedBelow }]);
    this.#reservedBelow = reservedBelow;
  }

  /** Who opens the name meanwhile waits for it too: an epoch that was recorded with this one is safe only then. */
  #save(record: NameRecord): void {
    const { name } = record;
    const saving = this.#append([record])
      .catch((error: unknown) => {
        this.#names.noteFailed(name);
        throw error;
      })
      .finally(() => {
        if (this.#saving.get(name) === saving) this.#saving.delete(name);
      });
    this.#saving.set(name, saving);
  }

  #append(records: readonly IdRecord[]): Promise<AppendReceipt> {
    const appended = this.#write(records);
    if (this.#recordCount > this.#names.size + OVER_COUNT_MAX) this.#rewriting ??= this.#rewrite();
    return appended;
  }

  /** Writes all that is known behind what there is, and lets go of the rest. Never rejects. */
  async #rewrite(): Promise<void> {
    const records: IdRecord[] = [{ reservedBelow: this.#askedBelow }, ...this.#names.records()];
    const start = this.#log.logEndOffset;
    const writes: Promise<AppendReceipt>[] = [];
    for (let from = 0; from < records.length; from += BATCH_COUNT) {
      writes.push(this.#write(records.slice(from, from + BATCH_COUNT)));
    }
    this.#recordCount = records.length;
    try {
      await Promise.all(writes);
      await this.#log.releaseBelow(start);
    } catch (error) {
      this.#options.onNotice(`the log of the producers was not shortened: ${String(error)}`);
    } finally {
      this.#rewriting = undefined;
    }
  }

  #write(records: readonly IdRecord[]): Promise<AppendReceipt> {
    const messages = records.map((record) => ({ body: encoder.encode(JSON.stringify(record)) }));
    this.#recordCount += records.length;
    return this.#log.append(encodeBatch(messages, { idPrefix: '', firstIdNumber: 0 }), { isSynced: true });
  }

  async #readLog(): Promise<void> {
    for (let next = this.#log.logStartOffset; next < this.#log.logEndOffset; ) {
      const batch = await batchFrom(this.#log, next);
      if (batch === undefined) return;
      for (let offset = batch.baseOffset; offset < batch.nextOffset; offset += 1) {
        this.#replay(parse(batch.recordAt(offset).body) as IdRecord);
      }
      next = batch.nextOffset;
    }
  }

  #replay(record: IdRecord): void {
    this.#recordCount += 1;
    if ('name' in record) {
      this.#names.replay(record);
      return;
    }
    this.#reservedBelow = Math.max(this.#reservedBelow, record.reservedBelow);
    this.#askedBelow = this.#reservedBelow;
    this.#next = this.#reservedBelow;
  }
}
