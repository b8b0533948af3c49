/**
 * What became of the messages a crashed consumer held: they came back, or they are gone. Nothing is assumed; both are
 * said only after they were seen.
 *
 *     crash --> watched --> delivered again to somebody                          "came back after 4.0 s"
 *                      \--> a lease later the inside no longer has it            "gone"
 *                      \--> still inside, nobody received it yet                 watched on
 *
 * Always true: at most `WATCHED_MAX` messages are watched, the oldest are let go first.
 */
import type { Inside } from '../../shared/contract/inside.ts';
import type { Delivery } from '../../shared/contract/message.ts';

const WATCHED_MAX = 500;

interface Watched {
  readonly id: string;
  readonly offset: number | null;
  readonly group: string;
  readonly holder: string;
  readonly crashedAtMs: number;
}

export interface CameBack {
  readonly offset: number | null;
  readonly holder: string;
  readonly afterMs: number;
}

export interface Gone {
  readonly holder: string;
  readonly offsets: readonly { readonly offset: number | null }[];
  readonly afterMs: number;
}

export class CrashWatch {
  /** By group and id: two groups have deliveries of the same message. */
  readonly #watched = new Map<string, Watched>();

  crashed(holder: string, held: readonly Delivery[], nowMs: number): void {
    for (const { id, offset, group } of held) {
      this.#watched.set(keyOf(group, id), { id, offset, group, holder, crashedAtMs: nowMs });
    }
    for (const key of this.#watched.keys()) {
      if (this.#watched.size <= WATCHED_MAX) break;
      this.#watched.delete(key);
    }
  }

  /** The message came back, or undefined when it was not watched. */
  delivered(delivery: Delivery, nowMs: number): CameBack | undefined {
    const key = keyOf(delivery.group, delivery.id);
    const watched = this.#watched.get(key);
    if (watched === undefined) return undefined;
    this.#watched.delete(key);
    return { offset: watched.offset, holder: watched.holder, afterMs: nowMs - watched.crashedAtMs };
  }

  /** Those that are gone for good, by holder: crashed `afterMs` ago, not delivered since, and no longer inside. */
  gone(inside: Inside, options: { readonly nowMs: number; readonly afterMs: number }): Gone[] {
    const gone = new Map<string, Watched[]>();
    for (const [key, watched] of this.#watched) {
      if (options.nowMs - watched.crashedAtMs < options.afterMs) continue;
      const fate = fateOf(watched, inside);
      if (fate === 'waiting') continue;
      this.#watched.delete(key);
      if (fate === 'gone') gone.set(watched.holder, [...(gone.get(watched.holder) ?? []), watched]);
    }
    return Array.from(gone, ([holder, offsets]) => ({
      holder,
      offsets,
      afterMs: Math.max(...offsets.map(({ crashedAtMs }) => options.nowMs - crashedAtMs)),
    }));
  }
}

/** `finished`: its ack had arrived before the crash, so nothing was lost. */
function fateOf(watched: Watched, inside: Inside): 'waiting' | 'gone' | 'finished' {
  if (inside.kind === 'queue') return inside.slots.some(({ id }) => id === watched.id) ? 'waiting' : 'gone';
  const group = inside.groups.find(({ group }) => group === watched.group);
  const { offset } = watched;
  if (group === undefined || offset === null) return 'finished';
  // Below the start nothing is held: overwritten before this group finished it, or reclaimed because it had.
  const { logStartOffset } = inside.kind === 'log' ? (inside.partitions[0] ?? { logStartOffset: 0 }) : inside;
  if (offset < logStartOffset) return group.droppedCount > 0 ? 'gone' : 'finished';
  return offset < group.committedOffset ? 'finished' : 'waiting';
}

function keyOf(group: string, id: string): string {
  return `${group}\n${id}`;
}
