/**
 * The log of half messages of a broker, `half/` in its data folder: what was accepted and is not decided, and what became
 * of it.
 *
 *     released | end of a | half c | half d | c was asked | half c again | end of d | ...
 *                                      what is old and still open is written again, so that the front can go
 *
 * Always true: what was appended is as safe as the flush policy says when the append resolves; `readAll` tells everything
 * from the first record that is held, in order. Only the half messages of the broker use it.
 */
import { MqError } from '../../../shared/contract/errors.ts';
import type { Durability } from '../../../shared/contract/message.ts';
import type { EncodableMessage, LogRecord } from '../../4-persisted-log/bytes/record.ts';
import type { PartitionLog } from '../../4-persisted-log/log/log.ts';
import { batchFrom } from '../../4-persisted-log/log-reading.ts';
import type { HalfFacts, LogPlace } from './half.ts';
import { decodeEntry, encodeEntry, encodeHalf, type HalfEntry } from './half-record.ts';

/** Of the records that take the place of lost ones; a batch has no more. */
const LOST_TOGETHER_COUNT = 10_000;

export interface AppendedHalf extends LogPlace {
  readonly durability: Durability;
}

export class HalfLog {
  readonly #log: PartitionLog;

  constructor(log: PartitionLog) {
    this.#log = log;
  }

  get heldBytes(): number {
    return this.#log.heldBytes;
  }

  async appendHalf(facts: HalfFacts, message: EncodableMessage): Promise<AppendedHalf> {
    const bytes = encodeHalf(facts, message);
    const { baseOffset, durability } = await this.#log.append(bytes);
    return { offset: baseOffset, logBytes: bytes.length, durability };
  }

  /** Answers its offset. `isSynced`: it is on the disk then, whatever the flush policy says. */
  async append(entry: HalfEntry, options: { readonly isSynced?: boolean } = {}): Promise<number> {
    const { baseOffset } = await this.#log.append(encodeEntry(entry), options);
    return baseOffset;
  }

  /** The message of the half at `offset`. */
  async messageAt(offset: number): Promise<LogRecord> {
    const batch = await batchFrom(this.#log, offset);
    if (batch !== undefined && batch.baseOffset === offset) return batch.recordAt(offset + 1);
    throw new MqError('MQ_CORRUPT', `the half message at offset ${offset} of its log is missing`);
  }

  async readAll(visit: (entry: HalfEntry, place: LogPlace) => void): Promise<void> {
    for (let next = this.#log.logStartOffset; next < this.#log.logEndOffset; ) {
      const batch = await batchFrom(this.#log, next);
      if (batch === undefined) return;
      const { baseOffset, bytes } = batch;
      if (baseOffset >= next)
        visit(decodeEntry(batch.recordAt(baseOffset)), { offset: baseOffset, logBytes: bytes.length });
      next = batch.nextOffset;
    }
  }

  /** Records up to `offset` were given out before a power cut: no offset below is given again. */
  async skipTo(offset: number): Promise<void> {
    for (let missing = offset - this.#log.logEndOffset; missing > 0; missing = offset - this.#log.logEndOffset) {
      const count = Math.min(missing, LOST_TOGETHER_COUNT);
      await this.#log.append(encodeEntry({ kind: 'lost' }, count), { isSynced: true });
    }
  }

  async releaseBelow(offset: number): Promise<void> {
    await this.#log.releaseBelow(offset);
  }

  async close(): Promise<void> {
    await this.#log.close();
  }
}
