/**
 * Asks a filter about one record, and takes from the looks of the turn what the answer costs beyond an ordinary one: a filter
 * that searches long headers is not given thousands of them in one turn.
 *
 * Always true: an ordinary filter takes nothing here; whoever asks counts the look itself. Only the parts of a desk use it.
 */
import type { LogRecord } from '../bytes/record.ts';
import type { Looks, RecordMatcher } from './record-matcher.ts';

export interface Asked {
  readonly record: LogRecord;
  /** Of the delivery it would become. */
  readonly deliveryCount: number;
  readonly looks: Looks;
}

export function matches(matcher: RecordMatcher, { record, deliveryCount, looks }: Asked): boolean {
  looks.left -= (matcher.costOf?.(record) ?? 1) - 1;
  return matcher.matches(record, deliveryCount);
}
