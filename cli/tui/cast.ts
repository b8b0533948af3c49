/**
 * Who works at the broker: producers, consumers and log readers, as they come and go.
 *
 * Always true: at most `ACTORS_MAX` of a kind; a number in a name is never used twice; the last reader of a group takes
 * the group with it, so that nothing waits for it.
 */
import { isMqError } from '../../shared/contract/errors.ts';
import type { Place, Reader } from './actor.ts';
import { Consumer } from './consumer.ts';
import { LogReader } from './log-reader.ts';
import { NO_GROUP } from './measurements.ts';
import { Producer, RATES_PER_SECOND } from './producer.ts';
import { WorkBook } from './work-book.ts';

const ACTORS_MAX = 8;
/** What the first consumers can just keep up with: two in one line, or the one of the slower group. */
const FIRST_RATE = { queue: 3, ring: 2 } as const;
/** Where there are transactions, two of them: one can answer for the other. */
const RATE_OF_TWO = 1;
const GROUP_NAMES = ['pay', 'mail', 'ship', 'audit', 'stock', 'bonus', 'stats', 'taxes'] as const;

export class Cast {
  readonly #place: Place;
  readonly #book = new WorkBook();
  #producers: readonly Producer[] = [];
  #readers: readonly Reader[] = [];
  #namedCount = { producer: 0, consumer: 0, logReader: 0 };

  constructor(place: Place) {
    this.#place = place;
  }

  get producers(): readonly Producer[] {
    return this.#producers;
  }

  get readers(): readonly Reader[] {
    return this.#readers;
  }

  /** Two groups where the stage has groups, two producers where one may answer for the other. */
  enter(): void {
    this.addConsumer(GROUP_NAMES[0]);
    this.addConsumer(GROUP_NAMES[0]);
    if (this.#has('groups')) this.addConsumer(GROUP_NAMES[1]);
    this.addProducer();
    if (this.#has('half-message')) this.addProducer();
  }

  addProducer(): void {
    if (this.#isFull(this.#producers.length)) return;
    this.#namedCount.producer += 1;
    const options = { rateIndex: RATES_PER_SECOND.indexOf(this.#firstRate), book: this.#book };
    this.#producers = [...this.#producers, new Producer(`p${this.#namedCount.producer}`, this.#place, options)];
  }

  removeProducer(producer: Producer): void {
    producer.close();
    this.#producers = this.#producers.filter((other) => other !== producer);
  }

  /** Another member of `group`, or the first of a new group. */
  addConsumer(group = this.#unusedGroup()): void {
    if (this.#isFull(this.#readers.length)) return;
    this.#namedCount.consumer += 1;
    const options = { group: this.#has('groups') ? group : NO_GROUP };
    this.#readers = [...this.#readers, new Consumer(`c${this.#namedCount.consumer}`, this.#place, options)];
  }

  /** A reader that keeps its own place, in a group of its own. */
  addLogReader(): void {
    const canFetch = this.#has('offsets');
    if (!canFetch) this.#place.observer.tell('warn', 'event.noOffsets', {});
    if (!canFetch || this.#isFull(this.#readers.length)) return;
    this.#namedCount.logReader += 1;
    const name = `r${this.#namedCount.logReader}`;
    this.#readers = [...this.#readers, new LogReader(name, this.#place, { group: this.#unusedGroup() })];
  }

  /** The reader leaves in good order. */
  async removeReader(reader: Reader): Promise<void> {
    const { broker, topic, observer } = this.#place;
    this.#readers = this.#readers.filter((other) => other !== reader);
    await reader.leave();
    if (!this.#has('groups') || this.#readers.some(({ group }) => group === reader.group)) return;
    try {
      await broker.deleteGroup(topic, reader.group);
      observer.tell('plain', 'event.groupDeleted', { group: reader.group });
    } catch (error) {
      if (!isMqError(error, 'MQ_UNKNOWN_GROUP')) throw error;
    }
  }

  /** All stop; the broker is its owner's to close. */
  close(): void {
    for (const producer of this.#producers) producer.close();
    for (const reader of this.#readers) reader.close();
  }

  get #firstRate(): (typeof RATES_PER_SECOND)[number] {
    if (this.#has('half-message')) return RATE_OF_TWO;
    return this.#has('groups') ? FIRST_RATE.ring : FIRST_RATE.queue;
  }

  #has(capability: 'groups' | 'offsets' | 'half-message'): boolean {
    return this.#place.broker.capabilities.has(capability);
  }

  #isFull(count: number): boolean {
    if (count >= ACTORS_MAX) this.#place.observer.tell('warn', 'event.tooManyActors', { count: ACTORS_MAX });
    return count >= ACTORS_MAX;
  }

  #unusedGroup(): string {
    return GROUP_NAMES.find((name) => !this.#readers.some(({ group }) => group === name)) ?? GROUP_NAMES[0];
  }
}
