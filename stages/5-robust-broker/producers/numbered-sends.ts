/**
 * The rules of one partition for what producers number: a call that is repeated is answered with the receipt of the first,
 * one that may not come now is refused.
 *
 *     batch --> who sends, which number? --> in force? --> one of the last calls?  -- yes --> its receipt, when it is safe
 *                                                     \--> the next one?           -- no  --> refused
 *
 * Always true:
 *   - batches without a number, and those of transactions, pass untouched
 *   - I2: a repetition is answered no earlier than the first, and fails when that fails
 *   - a snapshot has only what no power cut can take back; the heads of the batches behind that say the rest
 * The rules of a topic use one for each partition.
 */
import type { ProducerIdentity } from '../../../shared/contract/producer.ts';
import { readU16, readU32, readU64 } from '../../4-persisted-log/bytes/big-endian.ts';
import { AT, NO_SEQUENCE } from '../../4-persisted-log/bytes/record-batch.ts';
import type { AppendReceipt } from '../../4-persisted-log/log/log.ts';
import type { IncomingRecords, StoredReceipt } from '../../4-persisted-log/record-rules.ts';
import {
  type ProducerCall,
  ProducerTable,
  type ProducerTableOptions,
  type ProducerTableState,
} from './producer-table.ts';

/** As snapshots keep it. */
export interface NumberedSendsState {
  /** Batches from here on are not in it. */
  readonly nextOffset: number;
  readonly producers: ProducerTableState;
}

export interface NumberedSendsOptions extends ProducerTableOptions {
  readonly partition: number;
  /** Epoch ms. */
  readonly now: () => number;
  /** Throws for a producer that may not send (any more). */
  readonly checkProducer: (identity: ProducerIdentity) => void;
  /** Of what is stored. */
  readonly durability: StoredReceipt['durability'];
  /** What lies below it cannot fail any more. */
  readonly highWatermark: () => number;
  /** What lies below it survives a power cut. */
  readonly syncedOffset: () => number;
}

export class NumberedSends {
  readonly #options: NumberedSendsOptions;
  #table: ProducerTable;
  /** What repeats nothing is checked next, mostly at once: its head is read once. */
  #asked: { readonly batch: Uint8Array; readonly call: ProducerCall } | undefined;
  /** What is noted next: it is checked right before. */
  #checked: ProducerCall | undefined;

  constructor(options: NumberedSendsOptions) {
    this.#options = options;
    this.#table = new ProducerTable(options);
  }

  /** After a start, first: what a snapshot had; answers from which offset on batches are to be noted. */
  resume(
    state: NumberedSendsState | undefined,
    { logStartOffset, logEndOffset }: { readonly logStartOffset: number; readonly logEndOffset: number },
  ): number {
    this.#table = ProducerTable.from(state?.producers ?? [], this.#options, logEndOffset);
    return Math.min(Math.max(state?.nextOffset ?? 0, logStartOffset), logEndOffset);
  }

  /** The receipt of the call that this batch repeats. Throws for a producer that may not send. */
  earlier(batch: Uint8Array): Promise<StoredReceipt> | undefined {
    const call = callOf(batch);
    if (call === undefined) return undefined;
    this.#options.checkProducer(call);
    const repeated = this.#table.repeated(call, this.#options.now);
    if (repeated === undefined) {
      this.#asked = { batch, call };
      return undefined;
    }
    const { partition, durability } = this.#options;
    const { baseOffset, count, receipt: first } = repeated;
    const receipt = { partition, baseOffset, count, durability, isDuplicate: true } as const;
    return first?.then(() => receipt) ?? Promise.resolve(receipt);
  }

  /** Throws when a batch that repeats none may not be stored now. */
  check(batch: Uint8Array, at: number): void {
    const call = this.#asked?.batch === batch ? this.#asked.call : callOf(batch);
    this.#asked = undefined;
    if (call === undefined) return;
    this.#table.check(call, at);
    this.#checked = call;
  }

  noteAppended({ batch, baseOffset, at }: IncomingRecords, receipt: Promise<AppendReceipt>): void {
    const call = this.#checked;
    this.#checked = undefined;
    if (call === undefined || readU32(batch, AT.baseSequence) === NO_SEQUENCE) {
      this.dropFrom(baseOffset);
      return;
    }
    this.#table.note(call, { baseOffset, at, safeOffset: this.#options.highWatermark, receipt });
  }

  /** After a start: a stored batch, in the order of the offsets; also one that is known. */
  noteStored(batch: Uint8Array): void {
    const call = callOf(batch);
    const [baseOffset, at] = [readU64(batch, AT.baseOffset), readU64(batch, AT.appendedAt)];
    if (call === undefined) this.dropFrom(baseOffset);
    else this.#table.replay(call, { baseOffset, at });
  }

  /** The log has nothing from `offset` on. */
  dropFrom(offset: number): void {
    this.#table.dropFrom(offset);
  }

  state(): NumberedSendsState {
    const nextOffset = this.#options.syncedOffset();
    return { nextOffset, producers: this.#table.state(this.#options.now(), nextOffset) };
  }
}

/** undefined for a batch whose sender does not number it. */
function callOf(batch: Uint8Array): ProducerCall | undefined {
  const sequence = readU32(batch, AT.baseSequence);
  if (sequence === NO_SEQUENCE) return undefined;
  return {
    producerId: readU64(batch, AT.producerId),
    epoch: readU16(batch, AT.producerEpoch),
    sequence,
    count: readU32(batch, AT.recordCount),
  };
}
