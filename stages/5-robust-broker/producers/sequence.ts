/**
 * Arithmetic of sequences, which count from 0 to 2,147,483,647 and then from 0 again.
 *
 *     ... 2147483646, 2147483647, 0, 1 ...      one that lies less than half a round ahead is later, else earlier
 *
 * Pure.
 */
import { SEQUENCE_MAX } from '../../../shared/contract/producer.ts';

const ROUND = SEQUENCE_MAX + 1;

/** The sequence `count` messages after `sequence`; at most a round. A remainder of such large numbers takes long. */
export function sequenceAfter(sequence: number, count: number): number {
  const after = sequence + count;
  return after < ROUND ? after : after - ROUND;
}

/** True when `sequence` comes after `other`, and is not `other`. */
export function isLaterSequence(sequence: number, other: number): boolean {
  const ahead = (sequence - other + ROUND) % ROUND;
  return ahead > 0 && ahead < ROUND / 2;
}
