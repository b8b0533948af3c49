/**
 * The anomalies the history checker can name. Each is a contradiction between two calls: what the one was promised or
 * told, and what the other got.
 *
 *     lost                  accepted, never read by anybody, although a later message of the topic was
 *     unobserved            accepted, and not read by the end of a run that read everything
 *     phantom               read, but never sent (or only sent afterwards)
 *     aborted read          read, although its send was refused or its transaction aborted (G1a)
 *     precommitted read     read, although nobody had begun to commit its transaction
 *     dirty write           transactions wrote in an order that contradicts the one in which they ran (G0)
 *     circular flow         each of some transactions read what another of them wrote (G1c)
 *     fractured read        of one transaction something was seen, and something else not any more (G-single)
 *     duplicate             one message at two offsets; or handed out again although it was finished or still leased
 *     reordered             handed out in another order than the offsets
 *     inconsistent offsets  one offset, two messages
 *     internal skip         one fetch jumps over a message that exists
 *     external skip         from one fetch to the next, reading jumps over a message that exists
 *     internal nonmonotonic poll, external nonmonotonic poll    reading goes back, within a fetch or between two
 *     nonmonotonic send     a producer's later message stands before its earlier one
 *     ack regression        a committed position moved back, and nobody had moved it
 */
import type { Call } from './history.ts';

/** What is wrong about the calls of an `Anomaly`, in a word or two. */
export type AnomalyName =
  | 'lost'
  | 'unobserved'
  | 'phantom'
  | 'aborted read'
  | 'precommitted read'
  | 'dirty write'
  | 'circular flow'
  | 'fractured read'
  | 'duplicate'
  | 'reordered'
  | 'inconsistent offsets'
  | 'internal skip'
  | 'external skip'
  | 'internal nonmonotonic poll'
  | 'external nonmonotonic poll'
  | 'nonmonotonic send'
  | 'ack regression';

/** A contradiction the checker found in a history: which calls, what they promised, what came. */
export interface Anomaly {
  readonly name: AnomalyName;
  /** The two calls that contradict each other, older first; one call that contradicts itself stands alone. */
  readonly calls: readonly Call[];
  readonly expected: string;
  readonly got: string;
}

/** What a run has read to the end, so that what is missing may be called missing. */
export interface CheckOptions {
  /** Queue groups that were drained after the last send: everything accepted from `from` (default 0) on is due. */
  readonly drained?: readonly { readonly topic: string; readonly group: string; readonly from?: number }[];
  /** Topics fetched from offset 0 to the end after the last send. */
  readonly readWhole?: readonly string[];
  /** Stop after so many. Default 20. */
  readonly anomaliesMax?: number;
}
