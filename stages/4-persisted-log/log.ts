/** Signatures first; the body follows. */
import type { Clock } from '../../shared/clock.ts';
import type { PartitionView } from '../../shared/contract/inside.ts';
import type { Durability } from '../../shared/contract/message.ts';
import type { Disk } from '../../shared/disk.ts';
import type { BatchCache } from './batch-cache.ts';
import type { StoredBatch } from './stored-batch.ts';

export type FlushPolicy = 'always' | 'interval' | 'never';

export interface PartitionLogOptions {
  readonly disk: Disk;
  /** Made when it is missing. */
  readonly folder: string;
  readonly clock: Clock;
  /** 16 random bytes, of the topic. */
  readonly topicId: Uint8Array;
  readonly partition: number;
  readonly flushPolicy: FlushPolicy;
  readonly flushIntervalMs: number;
  readonly segmentBytesMax: number;
  /** Shared by all logs of a broker. */
  readonly cache: BatchCache;
  /** The data folder was closed in order: nothing is scanned. */
  readonly wasClean: boolean;
  /** Called after `highWatermark` or `logStartOffset` moved. */
  readonly onVisible?: () => void;
}

export interface AppendReceipt {
  readonly baseOffset: number;
  readonly count: number;
  readonly timestamp: number;
  readonly durability: Durability;
}

/** Something a log found wrong when it was opened, and can live with. */
export interface LogFinding {
  readonly file: string;
  readonly position: number;
  readonly fromOffset: number;
  /** Excluded. */
  readonly toOffset: number;
  readonly reason: string;
}

export interface PartitionLog {
  readonly partition: number;
  readonly logStartOffset: number;
  readonly logEndOffset: number;
  readonly highWatermark: number;
  readonly syncedOffset: number;
  /** Of all its segments. */
  readonly bytes: number;
  readonly findings: readonly LogFinding[];
  /**
   * The offset is given at once, in the order of the calls; resolves by the flush policy (`isSynced`: true always waits
   * for the disk, false never). The bytes are the log's from then on: it writes the placement into them.
   */
  append(batch: Uint8Array, options?: { readonly isSynced?: boolean }): Promise<AppendReceipt>;
  cachedAt(offset: number): StoredBatch | undefined;
  load(offset: number, options?: { readonly bytesMax?: number }): Promise<readonly StoredBatch[]>;
  offsetOfTimestamp(ms: number): Promise<number>;
  releaseBelow(offset: number): Promise<void>;
  /** All that was appended so far is on the disk when it resolves. */
  sync(): Promise<void>;
  inspect(max: number): PartitionView;
  close(): Promise<void>;
}
