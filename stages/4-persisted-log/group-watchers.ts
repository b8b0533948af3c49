/**
 * Those who want to know when leases of a group may have ended, such as subscribers that wait for credit.
 *
 * Always true: while nobody watches, telling costs one look at a number.
 */
import type { GroupDesk } from './delivery/group-desk.ts';

export interface GroupWatcher {
  readonly desk: GroupDesk;
  wake(): void;
}

export class GroupWatchers {
  readonly #watchers = new Set<GroupWatcher>();

  /** Until the answer is called. */
  add(watcher: GroupWatcher): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** Those of one group. */
  wake(groupId: number): void {
    if (this.#watchers.size === 0) return;
    for (const watcher of this.#watchers) if (watcher.desk.groupId === groupId) watcher.wake();
  }

  wakeAll(): void {
    for (const watcher of this.#watchers) watcher.wake();
  }
}
