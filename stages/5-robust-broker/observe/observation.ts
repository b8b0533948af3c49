/**
 * All that observes one broker, put together: who is told, what counts, how it is, what it tells of itself.
 *
 *     disk ---> WatchedDisk \
 *     topics -> Publisher ---> channels --> Meters, Advisories          health: HealthWatch
 *
 * Always true: what is not wanted is not made, so it costs nothing; what was begun ends with `close`. The composition makes
 * one before the broker's parts and gives it those when they are there.
 */
import type { Clock } from '../../../shared/clock.ts';
import type { Health } from '../../../shared/contract/health.ts';
import type { Metric } from '../../../shared/contract/metrics.ts';
import type { Disk } from '../../../shared/disk.ts';
import type { Observer } from '../../4-persisted-log/observer.ts';
import type { Storing } from '../../4-persisted-log/storing.ts';
import { Advisories } from './advisories.ts';
import { CHANNELS, type EndedTransaction, type Source } from './channels.ts';
import { HealthWatch } from './health-watch.ts';
import { Meters } from './meters.ts';
import type { CheckedObserveOptions } from './observe-options.ts';
import { Publisher } from './publisher.ts';
import { WatchedDisk } from './watched-disk.ts';

/** What another part of the broker counts, or knows of its health. */
export interface Observed {
  metrics?(): readonly Metric[];
  /** Why memory is short, in words; undefined while it is not. */
  memoryShortage?(): string | undefined;
}

/** How many are open, as a number among the others. */
export function openTransactions(table: { readonly size: number }): Observed {
  const [name, help] = ['mq_open_transactions', 'transactions that are not over'];
  return { metrics: () => [{ name, kind: 'gauge', help, series: [{ labels: {}, value: table.size }] }] };
}

export class Observation {
  /** By which listeners tell this broker's events from those of others. */
  readonly source: Source = Object.freeze({ name: 'stagemq' });
  readonly #clock: Clock;
  readonly #options: CheckedObserveOptions;
  readonly #healthWatch: HealthWatch;
  readonly #observed: Observed[] = [];
  #disk: WatchedDisk | undefined;
  #storing: Storing | undefined;
  #meters: Meters | undefined;
  #advisories: Advisories | undefined;
  #isClosing = false;

  constructor(clock: Clock, options: CheckedObserveOptions) {
    this.#clock = clock;
    this.#options = options;
    this.#healthWatch = new HealthWatch({
      isClosing: () => this.#isClosing,
      diskShortage: () => this.#storing?.settings.diskShortage(),
      stalledMs: () => this.#disk?.stalledMs ?? 0,
      damagedTopicCount: () => this.#storing?.topics.damaged.count ?? 0,
      memoryShortage: () => this.#firstShortage(),
    });
  }

  /** The disk the broker is to use. */
  watch(disk: Disk): Disk {
    this.#disk = new WatchedDisk(disk, this.#clock);
    return this.#disk;
  }

  /** Of the topics; it tells `next` everything first. */
  newObserver = (next: Observer): Observer => {
    const onLogBroken = (folder: string, isBroken: boolean): void => this.#healthWatch.noteLog(folder, isBroken);
    return new Publisher({ source: this.source, clock: this.#clock, next, onLogBroken });
  };

  /** The topics are open: counting and telling begin. */
  async open(storing: Storing): Promise<void> {
    this.#storing = storing;
    if (this.#options.metrics) this.#meters = new Meters({ source: this.source, disk: this.#disk });
    if (this.#options.advisories) this.#advisories = await Advisories.open(storing, this.source);
  }

  /** Of who ends transactions. */
  noteTransaction = (ended: EndedTransaction): void => {
    if (!CHANNELS.transactionEnded.isWatched) return;
    CHANNELS.transactionEnded.publish({ ...ended, source: this.source, at: this.#clock.now() });
  };

  /** Its numbers and shortages are told with the rest. */
  include(observed: Observed): void {
    this.#observed.push(observed);
  }

  health(): Health {
    return this.#healthWatch.health();
  }

  metrics(): readonly Metric[] {
    const others = this.#observed.flatMap((observed) => observed.metrics?.() ?? []);
    return [...(this.#meters?.metrics() ?? []), ...(this.#advisories?.metrics() ?? []), ...others];
  }

  close(): void {
    this.#isClosing = true;
    this.#meters?.close();
    this.#advisories?.close();
  }

  #firstShortage(): string | undefined {
    for (const observed of this.#observed) {
      const shortage = observed.memoryShortage?.();
      if (shortage !== undefined) return shortage;
    }
    return undefined;
  }
}
