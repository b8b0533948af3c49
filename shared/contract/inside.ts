/**
 * The inside of a queue, as the screen draws it: a plain-JSON snapshot with at most `max` cells. A broker that keeps
 * its messages somewhere else (a student's, an engine's) may leave `inspect` out.
 */

import type { TransactionOutcome } from './transaction.ts';

/** A call that waits, oldest first. */
export interface WaiterView {
  /** The member (receive), or the message id (send). */
  readonly who: string;
  /** How long it has waited, ms. */
  readonly waitedMs: number;
}

/** One message in a queue. */
export interface QueueSlotView {
  readonly offset: number;
  readonly id: string;
  readonly bytes: number;
  /** First characters of the body, control characters replaced. */
  readonly preview: string;
}

/** Stage 1: messages between two lines of waiters. At most one of the two lines is ever non-empty. */
export interface QueueView {
  readonly kind: 'queue';
  readonly topic: string;
  readonly capacity: number;
  readonly size: number;
  /** Oldest first, at most `max`. */
  readonly slots: readonly QueueSlotView[];
  readonly waitingSends: readonly WaiterView[];
  readonly waitingReceives: readonly WaiterView[];
  readonly waitingSendsCount: number;
  readonly waitingReceivesCount: number;
}

/**
 * What a cell holds, seen by all groups together: `in-flight` when any group has it in flight, `acked` when every
 * group finished it, `overwritten` for the youngest offsets that were dropped before a group finished them.
 */
export type CellState = 'free' | 'ready' | 'in-flight' | 'acked' | 'overwritten';

/** One slot of the ring. */
export interface CellView {
  readonly slot: number;
  /** null when the cell is free. */
  readonly offset: number | null;
  readonly state: CellState;
  readonly id: string | null;
  readonly bytes: number;
  readonly preview: string;
  /** Capability `transactions`: of one that was aborted. Only who reads uncommitted gets it. */
  readonly isAborted?: true;
}

/** One group's pointers over a ring or log. */
export interface GroupPointerView {
  readonly group: string;
  readonly kind: 'undecided' | 'queue' | 'log';
  /** Next offset never handed out. */
  readonly nextOffset: number;
  /** Everything below is finished. */
  readonly committedOffset: number;
  readonly lag: number;
  /** Offsets in flight, ascending, at most `max`. */
  readonly inFlight: readonly {
    readonly offset: number;
    readonly memberId: string;
    readonly deliveryCount: number;
    readonly leaseLeftMs: number;
  }[];
  readonly inFlightCount: number;
  readonly redeliveredCount: number;
  readonly droppedCount: number;
  readonly waitingReceives: readonly WaiterView[];
  readonly waitingReceivesCount: number;
}

/** Stage 2: the ring. `cells` are the youngest `max` held records, oldest first, then free cells when there is room. */
export interface RingView {
  readonly kind: 'ring';
  readonly topic: string;
  readonly slotCount: number;
  readonly bytes: number;
  readonly bytesMax: number;
  readonly logStartOffset: number;
  readonly logEndOffset: number;
  /** The slot the next record takes: `logEndOffset % slotCount`. */
  readonly writeSlot: number;
  readonly cells: readonly CellView[];
  readonly groups: readonly GroupPointerView[];
  readonly waitingSends: readonly WaiterView[];
  readonly waitingSendsCount: number;
  /** Waiting `fetch` calls. */
  readonly waitingFetches: readonly WaiterView[];
  readonly waitingFetchesCount: number;
}

/** One file of a log. */
export interface SegmentView {
  readonly baseOffset: number;
  /** Offset after its last record. */
  readonly nextOffset: number;
  readonly bytes: number;
  readonly batchCount: number;
  /** Entries of its sparse offset index, and of its time index. */
  readonly indexEntryCount: number;
  readonly timeEntryCount: number;
  /** True for the one that is written to. */
  readonly isActive: boolean;
}

/** One partition of a log. */
export interface PartitionView {
  readonly partition: number;
  readonly logStartOffset: number;
  readonly logEndOffset: number;
  /** Below it records are shown to readers. */
  readonly highWatermark: number;
  /** Below it records are on the disk for sure. */
  readonly syncedOffset: number;
  /** fsync calls so far, and how many appends they were for. */
  readonly syncCount: number;
  readonly appendCount: number;
  /** Oldest first, at most `max`; `segmentCount` says how many there are. */
  readonly segments: readonly SegmentView[];
  readonly segmentCount: number;
  /** The youngest records, oldest first, at most `max`. */
  readonly cells: readonly Omit<CellView, 'slot'>[];
  /** Capability `transactions`: below it every record is committed or aborted. */
  readonly lastStableOffset?: number;
  /** Capability `transactions`: the youngest markers, oldest first, at most `max`. */
  readonly markers?: readonly MarkerView[];
}

/** Where a transaction ended in a partition: a record that no reader gets. */
export interface MarkerView {
  readonly offset: number;
  readonly producerId: number;
  readonly epoch: number;
  readonly outcome: TransactionOutcome;
}

/** A transaction that is not over. */
export interface TransactionView {
  readonly id: string;
  readonly transactionalId?: string;
  readonly producerId: number;
  readonly epoch: number;
  readonly state: 'open' | 'committing' | 'aborting';
  readonly ageMs: number;
  readonly timeoutInMs: number;
  /** In this topic. */
  readonly recordCount: number;
  readonly ackCount: number;
}

/** A half message that is not decided. */
export interface HalfView {
  readonly halfId: string;
  readonly id: string;
  readonly producerGroup: string;
  readonly checkCount: number;
  readonly checksMax: number;
  readonly nextCheckInMs: number;
  readonly preview: string;
}

/** One group over a log: a pointer per partition, and what is not simply ahead of it. */
export interface LogGroupView extends Omit<GroupPointerView, 'inFlight'> {
  readonly mode: string;
  readonly isPaused: boolean;
  readonly deadCount: number;
  readonly expiredCount: number;
  readonly delayedCount: number;
  readonly inFlight: readonly (GroupPointerView['inFlight'][number] & { readonly partition: number })[];
  /** Given back and not due yet, soonest first, at most `max`. */
  readonly delayed: readonly {
    readonly partition: number;
    readonly offset: number;
    readonly deliveryCount: number;
    readonly dueInMs: number;
  }[];
}

/** Stage 4: the log on the disk. */
export interface LogView {
  readonly kind: 'log';
  readonly topic: string;
  readonly bytes: number;
  readonly bytesMax: number;
  readonly flushPolicy: 'always' | 'interval' | 'never';
  readonly isPaused: boolean;
  readonly partitions: readonly PartitionView[];
  readonly groups: readonly LogGroupView[];
  /** Messages that have no offset yet, soonest first, at most `max`. */
  readonly delayed: readonly { readonly id: string; readonly dueInMs: number; readonly preview: string }[];
  readonly delayedCount: number;
  readonly waitingSends: readonly WaiterView[];
  readonly waitingSendsCount: number;
  readonly waitingFetches: readonly WaiterView[];
  readonly waitingFetchesCount: number;
  /** Capability `transactions`: those that wrote to the topic or ack in it, oldest first, at most `max`. */
  readonly transactions?: readonly TransactionView[];
  /** Capability `half-message`: soonest to be asked about first, at most `max`. */
  readonly halves?: readonly HalfView[];
}

/** Told apart by `kind`; later stages add kinds. */
export type Inside = QueueView | RingView | LogView;

/** First `charactersMax` characters of a body for a screen; invalid UTF-8 and control characters become a dot. */
export function previewOf(body: Uint8Array, charactersMax = 24): string {
  const text = new TextDecoder().decode(body.subarray(0, charactersMax * 4));
  const shown = Array.from(text.normalize('NFC')).slice(0, charactersMax).join('');
  return shown.replace(/[\p{C}\ufffd]/gu, '·');
}
