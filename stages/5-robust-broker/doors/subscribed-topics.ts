/**
 * The topics of one subscription that is open here: while it reads one, that is awaited, and stays.
 *
 * Always true: what was noted is taken back once, whether the topic or the subscription ended, and also when that happened
 * before the topic was in force. Only the Exchange uses it.
 */
import type { AwaitedTopics } from './awaited-topics.ts';
import type { IdleTopics } from './idle-topics.ts';

export interface SubscribedTopicsOptions {
  readonly awaited: AwaitedTopics;
  readonly idle: IdleTopics;
}

export class SubscribedTopics {
  readonly #options: SubscribedTopicsOptions;
  readonly #open = new Set<string>();
  /** On their way -> which of them ended meanwhile. */
  readonly #opening = new Map<string, { isOver: boolean }>();
  #isOver = false;

  constructor(options: SubscribedTopicsOptions) {
    this.#options = options;
  }

  /** `add` resolves to false when it is read already. */
  async open(topic: string, add: () => Promise<boolean>): Promise<void> {
    const { awaited, idle } = this.#options;
    const opening = { isOver: false };
    if (!this.#opening.has(topic)) this.#opening.set(topic, opening);
    idle.hold(topic);
    let isOpen = false;
    try {
      isOpen = (await add()) && !opening.isOver && !this.#isOver;
    } finally {
      if (this.#opening.get(topic) === opening) this.#opening.delete(topic);
      if (isOpen) {
        this.#open.add(topic);
        awaited.note(topic, 1);
      } else {
        idle.release(topic);
      }
    }
  }

  /** Nothing more comes of it. */
  end(topic: string): void {
    const opening = this.#opening.get(topic);
    if (opening !== undefined) opening.isOver = true;
    if (!this.#open.delete(topic)) return;
    this.#options.awaited.note(topic, -1);
    this.#options.idle.release(topic);
  }

  endAll(): void {
    this.#isOver = true;
    for (const topic of [...this.#open]) this.end(topic);
  }
}
