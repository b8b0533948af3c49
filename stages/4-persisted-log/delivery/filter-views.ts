/**
 * The views of one group, by filter: made for the first call with a filter, and kept for the next.
 *
 * Always true: what they remember together is bounded; the one that was not asked for longest goes first, and is made anew
 * when it is asked again. Only `Serving` uses it.
 */
import { FilterView } from './filter-view.ts';
import type { GroupState } from './group-state.ts';
import type { RecordMatcher } from './record-matcher.ts';

const VIEWS_COUNT_MAX = 64;
/** Offsets that all views of a group remember together; one view may always remember all it has to. */
const OFFSETS_COUNT_MAX = 524_288;

export class FilterViews {
  readonly #state: GroupState;
  /** The one that was asked last is the last. */
  readonly #views = new Map<string, FilterView>();

  constructor(state: GroupState) {
    this.#state = state;
  }

  of(matcher: RecordMatcher): FilterView {
    const { key } = matcher;
    const view = this.#views.get(key) ?? new FilterView(matcher, this.#state);
    this.#views.delete(key);
    this.#views.set(key, view);
    this.#forgetOldest();
    return view;
  }

  close(): void {
    for (const view of this.#views.values()) view.close();
    this.#views.clear();
  }

  #forgetOldest(): void {
    let size = 0;
    for (const view of this.#views.values()) size += view.size;
    for (const [key, view] of this.#views) {
      if (this.#views.size <= VIEWS_COUNT_MAX && (size <= OFFSETS_COUNT_MAX || this.#views.size === 1)) return;
      size -= view.size;
      view.close();
      this.#views.delete(key);
    }
  }
}
