/**
 * Who wants which records: what a group, or one call, has asked for, as the desks see it. Types only: what it is made of is the
 * business of whoever has filters.
 */
import type { Filter } from '../../../shared/contract/filter.ts';
import type { LogRecord } from '../bytes/record.ts';

export interface RecordMatcher {
  /** Equal for those that match the same. */
  readonly key: string;
  /** `deliveryCount` is that of the delivery the record would become. Throws nothing, and answers the same each time. */
  matches(record: LogRecord, deliveryCount: number): boolean;
  /** As how many looks with an ordinary filter the answer for this record counts; left out: as one. */
  costOf?(record: LogRecord): number;
}

/** How many records may still be looked at in this turn. */
export interface Looks {
  left: number;
}

/** Undefined: every record matches. */
export type MatcherOf = (filter: Filter) => RecordMatcher | undefined;
