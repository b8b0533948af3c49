/**
 * What happened, newest last: the story the screen tells beside the picture.
 *
 * An event is a message key with its values, not a finished sentence, so that switching the language also translates
 * what is already there. Equal events in a row become one with a count.
 * Always true: at most `EVENTS_MAX` are kept.
 */
import type { MessageKey, MessageValues } from './messages.ts';

const EVENTS_MAX = 200;

/** `good`: a promise was kept. `warn`: somebody waits or was refused. `bad`: something is lost or failed. */
export type EventTone = 'plain' | 'good' | 'warn' | 'bad';

export interface ScreenEvent {
  readonly atMs: number;
  readonly tone: EventTone;
  readonly key: MessageKey;
  readonly values: MessageValues;
  /** How often it happened in a row. */
  readonly count: number;
}

export class EventLog {
  #events: readonly ScreenEvent[] = [];

  /** Oldest first. The array is never changed, only replaced. */
  get events(): readonly ScreenEvent[] {
    return this.#events;
  }

  add(event: Omit<ScreenEvent, 'count'>): void {
    const last = this.#events.at(-1);
    const isRepeated = last !== undefined && last.key === event.key && isEqual(last.values, event.values);
    const kept = isRepeated ? this.#events.slice(0, -1) : this.#events;
    this.#events = [...kept, { ...event, count: isRepeated ? last.count + 1 : 1 }].slice(-EVENTS_MAX);
  }
}

function isEqual(one: MessageValues, other: MessageValues): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}
