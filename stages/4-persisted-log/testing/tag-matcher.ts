/** Filters by tag alone, that count their looks: enough for tests of what desks do with any filter. */
import type { RecordMatcher } from '../delivery/record-matcher.ts';

export interface CountingMatcher extends RecordMatcher {
  lookCount: number;
}

/** `first`: only what was never delivered; `cost`: of each look. */
export function tagMatcher(tag: string, { first = false, cost = 1 } = {}): CountingMatcher {
  return {
    key: `${tag}${first ? ' first' : ''}`,
    lookCount: 0,
    costOf: () => cost,
    matches({ headers }, deliveryCount) {
      this.lookCount += 1;
      return headers.tag === tag && (!first || deliveryCount === 1);
    },
  };
}
