/**
 * A consumer of the screen: receives a few deliveries under a lease, works on them one by one, and acks each.
 *
 *     waiting -> working -> waiting ...        pause: stops in its tracks, its leases run on
 *                  \-> crashed -> (restart)    crash: forgets everything and tells nobody, like a killed process
 *
 * Always true: what it holds is exactly what it received and has neither finished nor lost; a restarted consumer is a
 * new member of its group, as a restarted process would be.
 */

import type { GroupOptions } from '../../shared/contract/description.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import type { Delivery } from '../../shared/contract/message.ts';
import { leaseMsOf, offsetsText, type Place, type Reader, type ReaderView, rest, TAKEN_MAX, WAIT_MS } from './actor.ts';
import { FILTERS, filterText } from './labels.ts';
import { ReaderLife, type WorkTimes } from './reader-life.ts';

/** Where the broker has dead letters: what fails comes again after a while, and at the third time not any more. */
const GROUP_OPTIONS: GroupOptions = { deliveriesMax: 3, retryDelays: [2000, 5000] };
/** How long it waits before it repeats an ack that was not answered. */
const ACK_AGAIN_MS = 100;
/** Three slow messages take longer than a lease: the last ones come back while their first reader still has them. */
const WORK: WorkTimes = { ms: 450, slowMs: 2200 };

export class Consumer implements Reader {
  readonly name: string;
  readonly group: string;
  readonly #place: Place;
  readonly #life: ReaderLife;
  /** 1, then 2 after a restart, ... */
  #lifeCount = 0;
  #isPrepared = false;
  /** One of `FILTERS`. */
  #filter = FILTERS[0];
  #held: readonly Delivery[] = [];
  /** The one of them whose ack is on its way. */
  #finishing: Delivery | undefined;
  #nextOffset: number | null = null;
  #finishedCount = 0;
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
      kind: 'queue',
      state: this.#life.stateWith(this.#held.length),
      isSlow: this.#life.isSlow,
      nextOffset: this.#nextOffset,
      held: this.#held.map(({ offset, deliveryCount }) => ({ offset, deliveryCount })),
      finishedCount: this.#finishedCount,
      redeliveredCount: this.#redeliveredCount,
      filter: filterText(this.#filter),
      isUncommitted: false,
    };
  }

  togglePause(): void {
    this.#life.togglePause();
  }

  toggleSlow(): void {
    this.#life.toggleSlow();
  }

  toggleCrash(): void {
    const { observer } = this.#place;
    if (this.#life.isCrashed) {
      this.#begin();
      observer.tell('plain', 'event.restarted', { who: this.name, member: this.#memberId });
      return;
    }
    const held = this.#held;
    this.close();
    observer.onCrashed(this.name, held);
  }

  handOver(): readonly Delivery[] {
    const handed = this.#held.filter((held) => held !== this.#finishing);
    this.#held = this.#held.filter((held) => held === this.#finishing);
    return handed;
  }

  changeFilter(): void {
    this.#filter = FILTERS[(FILTERS.indexOf(this.#filter) + 1) % FILTERS.length];
    this.#life.askAnew();
    const { observer } = this.#place;
    const told = { who: this.name, filter: filterText(this.#filter) };
    if (this.#filter === undefined) observer.tell('plain', 'event.noFilter', { who: this.name });
    else observer.tell('plain', 'event.filter', told);
  }

  /** What is not committed is delivered to nobody. */
  toggleIsolation(): void {
    this.#place.observer.tell('warn', 'event.notALogReader', { who: this.name });
  }

  async giveBack(outcome: 'retry' | 'reject'): Promise<void> {
    const { broker, observer } = this.#place;
    const delivery = this.#held.find((held) => held !== this.#finishing);
    if (delivery === undefined) return observer.tell('warn', 'event.nothingHeld', { who: this.name });
    this.#held = this.#held.filter((held) => held !== delivery);
    await broker.nack(delivery, { outcome, reason: 'a key was pressed' });
    const told = { who: this.name, offset: delivery.offset ?? '?', count: delivery.deliveryCount };
    observer.tell('warn', `event.nack.${outcome}`, told);
  }

  async leave(): Promise<void> {
    const { broker, topic, observer } = this.#place;
    const held = this.#held;
    const wasAlive = !this.#life.isCrashed;
    this.close();
    observer.tell('plain', 'event.left', { who: this.name, offsets: held.length === 0 ? '-' : offsetsText(held) });
    if (!wasAlive || !broker.capabilities.has('lease')) return;
    await broker.leave(topic, { group: this.group, memberId: this.#memberId });
  }

  close(): void {
    this.#life.end();
    this.#held = [];
  }

  get #memberId(): string {
    return this.#lifeCount === 1 ? this.name : `${this.name}.${this.#lifeCount}`;
  }

  #begin(): void {
    this.#lifeCount += 1;
    this.#life.begin((life) => this.#turn(life));
  }

  async #turn(life: AbortSignal): Promise<void> {
    await this.#prepare();
    // To receive would make the topic anew, if it was deleted meanwhile.
    if (life.aborted) return;
    const deliveries = await this.#receive();
    // A crash while the answer was on its way: the deliveries reached a dead process.
    if (life.aborted) {
      if (deliveries.length > 0) this.#place.observer.onCrashed(this.name, deliveries);
      return;
    }
    this.#take(deliveries);
    for (const delivery of deliveries) {
      if (!(await this.#life.work(life, WORK))) return;
      // It may have been given back meanwhile.
      if (this.#held.includes(delivery)) await this.#finish(delivery, life);
      if (life.aborted) return;
      this.#held = this.#held.filter((held) => held !== delivery);
    }
  }

  /** Its group, once in its life, where a group can be told what to do with what fails. */
  async #prepare(): Promise<void> {
    const { broker, topic } = this.#place;
    if (this.#isPrepared || !broker.capabilities.has('dead-letter')) return;
    await broker.createGroup(topic, this.group, GROUP_OPTIONS);
    this.#isPrepared = true;
  }

  async #receive(): Promise<readonly Delivery[]> {
    const { broker, topic } = this.#place;
    const options = {
      ...(broker.capabilities.has('groups') ? { group: this.group } : {}),
      ...(broker.capabilities.has('lease') ? { leaseMs: leaseMsOf(broker) } : {}),
      memberId: this.#memberId,
      ...(this.#filter === undefined ? {} : { filter: this.#filter }),
      max: TAKEN_MAX,
      waitMs: WAIT_MS,
      signal: this.#life.ask(),
    };
    try {
      return await broker.receive(topic, options);
    } catch (error) {
      if (isMqError(error, 'MQ_ABORTED')) return [];
      throw error;
    }
  }

  #take(deliveries: readonly Delivery[]): void {
    this.#held = deliveries;
    for (const delivery of deliveries) {
      if (delivery.offset !== null) this.#nextOffset = Math.max(this.#nextOffset ?? 0, delivery.offset + 1);
      if (delivery.redeliveryReason !== undefined) this.#redeliveredCount += 1;
      this.#place.observer.onDelivered(delivery, this.name);
    }
  }

  async #finish(delivery: Delivery, life: AbortSignal): Promise<void> {
    const { observer } = this.#place;
    this.#finishing = delivery;
    try {
      // Without a lease receiving was the end of it for the broker, and there is nothing to ack.
      if (delivery.leaseToken !== null) await this.#ack(delivery, life);
    } catch (error) {
      if (!isMqError(error, 'MQ_LEASE_EXPIRED')) throw error;
      if (!life.aborted) observer.tell('warn', 'event.lateAck', { who: this.name, offset: delivery.offset ?? '?' });
      return;
    }
    observer.onFinished({ id: delivery.id, group: this.group });
    if (!life.aborted) this.#finishedCount += 1;
  }

  /** Until it is answered: an ack may be repeated, also to a broker that was killed and came back. */
  async #ack(delivery: Delivery, life: AbortSignal): Promise<void> {
    for (;;) {
      try {
        return await this.#place.broker.ack([delivery]);
      } catch (error) {
        if (life.aborted || !isMqError(error, 'MQ_CONNECTION_LOST')) throw error;
        await rest(this.#place, { ms: ACK_AGAIN_MS, signal: life });
      }
    }
  }
}
