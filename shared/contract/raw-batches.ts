/**
 * Capability `raw-batches`: batches as their bytes, so that a door can pass on what is stored without taking it apart.
 * docs/format-log.md has the format.
 */
import type { FetchResult } from './broker.ts';
import type { BatchReceipt, RedeliveryReason } from './message.ts';

/**
 * What a broker with `raw-batches` stored for a batch that came encoded. Its messages have the offsets `baseOffset` to
 * `baseOffset + count - 1`; ids and all else stand in the batch itself.
 */
export type RawBatchReceipt = Omit<BatchReceipt, 'ids'>;

/** The answer to `fetchBatches`: stored batches as their bytes, whole ones, one after the other. */
export interface RawFetchResult extends Omit<FetchResult, 'records'> {
  /** The first batch may begin below the offset asked for: skip what is below. docs/format-log.md has the format. */
  readonly bytes: Uint8Array;
  /** The same, each batch where it lies; then `bytes` are put together only when somebody asks for them. */
  readonly pieces?: readonly Uint8Array[];
}

/** Of `receiveBatches`: deliveries as the stored batches they are in, and which of their records are handed out. */
export interface RawDeliveries {
  readonly partition: number;
  /** Whole stored batches, one after the other. */
  readonly bytes: Uint8Array;
  /** The same, each batch where it lies; then `bytes` are put together only when somebody asks for them. */
  readonly pieces?: readonly Uint8Array[];
  readonly group: string;
  readonly memberId: string;
  /** The records handed out, ascending, each run under one lease; the token opens each of its offsets. */
  readonly runs: readonly {
    readonly fromOffset: number;
    readonly count: number;
    readonly leaseToken: string;
    /** Epoch ms. */
    readonly leaseExpiresAt: number;
    /** Of every record of the run. */
    readonly deliveryCount: number;
    readonly redeliveryReason?: RedeliveryReason;
  }[];
}
