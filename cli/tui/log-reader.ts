/**
 * A log reader of the screen: fetches from its own offset, works, and commits. Nothing is leased and nothing acked;
 * the broker remembers one number for its group, and a crash loses only what was read after the last commit.
 *
 *     fetch(next) -> work on each -> commit(next) -> ...
 *
 * Always true: its group exists before the first fetch, so the ring keeps what it has not committed (unless the topic
 * overwrites).
 */
import { isMqError } from '../../shared/contract/errors.ts';
import type { StoredRecord } from '../../shared/contract/message.ts';
import { type Place, type Reader, type ReaderView, TAKEN_MAX, WAIT_MS } from './actor.ts';
import { ReaderLife, type WorkTimes } from './reader-life.ts';

const WORK: WorkTimes = { ms: 250, slowMs: 1500 };

export class LogReader implements Reader {
  readonly name: string;
  readonly group: string;
  readonly #place: Place;
  readonly #life: ReaderLife;
  /** Where it reads next; undefined until it asked the broker for its group's committed offset. */
  #nextOffset: number | undefined;
  /** The highest offset it ever read, plus one: reading below it again is repeating. */
  #seenOffset = 0;
  #held: readonly StoredRecord[] = [];
  #finishedCount = 0;
  #isUncommitted = false;
  #redeliveredCount = 0;

  constructor(name: string, place: Place, options: { readonly group: string }) {
    this.name = name;
    this.group = options.group;
    this.#place = place;
    this.#life = new ReaderLife(name, place);
    this.#begin();
  }

  get view(): ReaderView {
    return {
      name: this.name,
      group: this.group,
      kind: 'log',
      state: this.#life.stateWith(this.#held.length),
      isSlow: this.#life.isSlow,
      nextOffset: this.#nextOffset ?? null,
      held: this.#held.map(({ offset }) => ({ offset, deliveryCount: 1 })),
      finishedCount: this.#finishedCount,
      redeliveredCount: this.#redeliveredCount,
      filter: '',
      isUncommitted: this.#isUncommitted,
    };
  }

  togglePause(): void {
    this.#life.togglePause();
  }

  toggleSlow(): void {
    this.#life.toggleSlow();
  }

  toggleCrash(): void {
    if (this.#life.isCrashed) {
      this.#begin();
      return;
    }
    const read = this.#seenOffset;
    this.close();
    this.#place.observer.tell('bad', 'event.readerCrashed', { who: this.name, offset: read });
  }

  /** It has positions, and no deliveries. */
  handOver(): readonly [] {
    return [];
  }

  /** A log is read as it is. */
  changeFilter(): void {
    this.#place.observer.tell('warn', 'event.notAConsumer', { who: this.name });
  }

  toggleIsolation(): void {
    this.#isUncommitted = !this.#isUncommitted;
    this.#life.askAnew();
    const key = this.#isUncommitted ? 'event.readsUncommitted' : 'event.readsCommitted';
    this.#place.observer.tell(this.#isUncommitted ? 'warn' : 'plain', key, { who: this.name });
  }

  /** It holds no lease: there is nothing to give back. */
  async giveBack(): Promise<void> {
    this.#place.observer.tell('warn', 'event.nothingHeld', { who: this.name });
  }

  async leave(): Promise<void> {
    this.close();
    this.#place.observer.tell('plain', 'event.left', { who: this.name, offsets: '-' });
  }

  close(): void {
    this.#life.end();
    this.#held = [];
  }

  #begin(): void {
    this.#nextOffset = undefined;
    this.#life.begin((life) => this.#turn(life));
  }

  async #turn(life: AbortSignal): Promise<void> {
    const { broker, topic, observer } = this.#place;
    const offset = this.#nextOffset ?? (await this.#startOffset(life));
    const { records, nextOffset } = await this.#fetch(offset);
    if (life.aborted) return;
    this.#nextOffset = nextOffset;
    this.#take(records);
    for (const record of records) {
      if (!(await this.#life.work(life, WORK))) return;
      this.#held = this.#held.filter((held) => held !== record);
      this.#finishedCount += 1;
      observer.onFinished({ id: record.id });
    }
    if (records.length > 0) await broker.commit(topic, { group: this.group, offset: nextOffset });
  }

  /** Where a life begins: at what its group committed, not at what the last life had read. */
  async #startOffset(life: AbortSignal): Promise<number> {
    const { broker, topic, observer } = this.#place;
    await broker.createGroup(topic, this.group);
    const offset = await broker.committed(topic, { group: this.group });
    if (!life.aborted && this.#seenOffset > 0) observer.tell('plain', 'event.readerStarts', { who: this.name, offset });
    return offset;
  }

  async #fetch(offset: number): Promise<{ records: readonly StoredRecord[]; nextOffset: number }> {
    const { broker, topic, observer } = this.#place;
    const isolation = this.#isUncommitted ? ({ isolation: 'read-uncommitted' } as const) : {};
    const signal = this.#life.ask();
    try {
      return await broker.fetch(topic, { ...isolation, offset, max: TAKEN_MAX, waitMs: WAIT_MS, signal });
    } catch (error) {
      if (isMqError(error, 'MQ_ABORTED')) return { records: [], nextOffset: offset };
      if (!isMqError(error, 'MQ_OFFSET_OUT_OF_RANGE')) throw error;
      const start = error.details.logStartOffset ?? offset;
      observer.tell('bad', 'event.fellBehind', { who: this.name, offset, start });
      return { records: [], nextOffset: start };
    }
  }

  #take(records: readonly StoredRecord[]): void {
    this.#held = records;
    for (const { offset } of records) {
      if (offset === null) continue;
      if (offset < this.#seenOffset) this.#redeliveredCount += 1;
      this.#seenOffset = Math.max(this.#seenOffset, offset + 1);
    }
  }
}
