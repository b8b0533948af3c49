/** Filters by tag alone, that count their looks: enough for tests of what desks do with any filter. */
import type { RecordMatcher } from '../delivery/record-matcher.ts';

export interface CountingMatcher extends RecordMatcher {
  lookCount: number;
}

/** `first`: only what was never delivered. */
export function tagMatcher(tag: string, { first = false } = {}): CountingMatcher {
  return {
    key: `${tag}${first ? ' first' : ''}`,
    lookCount: 0,
    matches({ headers }, deliveryCount) {
      this.lookCount += 1;
      return headers.tag === tag && (!first || deliveryCount === 1);
    },
  };
}
