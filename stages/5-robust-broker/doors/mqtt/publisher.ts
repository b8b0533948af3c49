/**
 * What one connected client publishes: on its way to the broker, and its answers on their way back.
 *
 *     PUBLISH --> (QoS 2: its id is written down) --> exchange --receipt--> (retained: written down) --> PUBACK, PUBREC
 *
 * Always true (I36): PUBACK and PUBREC leave in the order in which the messages came, each after its receipt; a message of QoS
 * 2 is published once, also when the door was restarted before it was answered; how much waits is bounded: above it nothing is
 * read.
 */
import type { Broker, SendOptions } from '../../../../shared/contract/broker.ts';
import type { Message, Receipt } from '../../../../shared/contract/message.ts';
import type { ByteChannel } from '../byte-channel.ts';
import { topicOf } from '../destinations.ts';
import type { Exchange } from '../exchange.ts';
import { encodeAnswer, PLAIN_ANSWER_BYTES, type Reader, writePlainAnswer } from './encode.ts';
import type { Incoming, InFlight } from './in-flight.ts';
import { messageOf } from './messages.ts';
import type { Publish } from './packets.ts';
import type { Publishing } from './publishing.ts';
import { FIRST_FAILURE, protocolError, publishReasonOf, REASON, Violation } from './reasons.ts';
import { type Place, Slot, type SlotEnds } from './slot.ts';
import { checkRetainable, destinationOfName } from './topics.ts';

/** Messages of all QoS without an answer: above it nothing more is read. */
const UNANSWERED_MAX = 16_384;

export interface PublisherOptions {
  readonly publishing: Publishing;
  readonly exchange: Exchange;
  readonly channel: ByteChannel;
  readonly reader: Reader;
  /** As the client may use it. */
  readonly view: Broker;
  readonly clientId: string;
  readonly inFlight: InFlight;
  /** It may have so many of QoS 1 and 2 unanswered; one that was not told is slowed down instead. */
  readonly receiveMaximum: number;
  readonly topicAliasMaximum: number;
  readonly unansweredBytesMax: number;
  readonly publishTimeoutMs: number;
  readonly work: (work: Promise<unknown>) => void;
  /** So much waits for its answer that nothing more is to be read; or not any more. */
  readonly onFull: (isFull: boolean) => void;
  /** The client cannot be told in any other way: the connection ends. */
  readonly onRefused: (error: unknown) => void;
}

export class Publisher {
  readonly #options: PublisherOptions;
  readonly #aliases = new Map<number, string>();
  /** Of all QoS, those without an answer. */
  #slots: Slot[] = [];
  /** Where the last message went, and most often the next one goes too. */
  #place: Place | undefined;
  readonly #sendOptions: SendOptions;
  readonly #ends: SlotEnds = {
    onPublished: (slot, receipt) => this.#answered(slot, this.#reasonOf(receipt)),
    onRefused: (slot, error) => this.#answered(slot, this.#failed(slot, error)),
  };
  #unansweredBytes = 0;
  /** QoS 1 without PUBACK. */
  #unansweredCount = 0;
  #isPaused = false;
  #onIdle: (() => void) | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#sendOptions = { timeoutMs: options.publishTimeoutMs };
  }

  take(publish: Publish): void {
    const { inFlight, channel, work } = this.#options;
    const place = this.#placeOf(this.#nameOf(publish));
    const known = publish.qos === 2 ? inFlight.incoming(publish.packetId) : undefined;
    if (known === undefined) this.#checkQuota(publish);
    channel.booked.messagesIn();
    const slot = new Slot(publish, place, this.#ends);
    this.#slots.push(slot);
    this.#unansweredBytes += publish.payload.length;
    if (publish.qos === 1) this.#unansweredCount += 1;
    this.#pauseIfFull();
    if (publish.qos === 2) work(this.#exactlyOnce(slot, topicOf(place.destination), known));
    else if (publish.retain) work(this.#publish(slot, undefined).then((reason) => this.#answered(slot, reason)));
    else this.#post(slot);
  }

  /** PUBREL. */
  release(packetId: number): void {
    const { inFlight, publishing, work } = this.#options;
    const known = inFlight.incoming(packetId);
    if (known?.state === 'publishing') throw protocolError('PUBREL before PUBREC');
    if (!inFlight.release(packetId)) {
      this.#answer('pubcomp', packetId, REASON.packetIdNotFound);
      return;
    }
    const done = (): void => this.#answer('pubcomp', packetId, REASON.success);
    // The client may use the id for something else as soon as it reads this.
    const saved = publishing.store.commit();
    if (saved === undefined) done();
    else work(saved.then(done));
  }

  /** Resolves when everything that came is answered. */
  idle(): Promise<void> {
    if (this.#slots.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  #nameOf({ topic, properties: { topicAlias } }: Publish): string {
    if (topicAlias === undefined) {
      if (topic === '') throw protocolError('a topic name is not empty');
      return topic;
    }
    if (topicAlias > this.#options.topicAliasMaximum) {
      throw new Violation(REASON.topicAliasInvalid, `topic aliases are 1 to ${this.#options.topicAliasMaximum}`);
    }
    if (topic !== '') this.#aliases.set(topicAlias, topic);
    const name = this.#aliases.get(topicAlias);
    if (name === undefined) throw protocolError(`topic alias ${topicAlias} stands for nothing`);
    return name;
  }

  #placeOf(name: string): Place {
    if (this.#place?.name !== name) this.#place = { name, destination: destinationOfName(name) };
    return this.#place;
  }

  #checkQuota({ qos }: Publish): void {
    const { reader, receiveMaximum, inFlight } = this.#options;
    if (qos === 0 || reader.version !== 5) return;
    if (this.#unansweredCount + inFlight.incomingCount < receiveMaximum) return;
    throw new Violation(REASON.receiveMaximumExceeded, `at most ${receiveMaximum} messages may wait for their answer`);
  }

  async #exactlyOnce(slot: Slot, topic: string, known: Incoming | undefined): Promise<void> {
    const { inFlight, publishing } = this.#options;
    const { packetId } = slot.publish;
    if (known?.state === 'published') {
      this.#answered(slot, REASON.success);
      return;
    }
    if (known?.ending !== undefined) {
      this.#answered(slot, await known.ending);
      return;
    }
    const incoming = known ?? publishing.incomingTo(topic);
    incoming.ending = this.#publishOnce(slot, incoming, { isNew: known === undefined });
    const reason = await incoming.ending;
    incoming.ending = undefined;
    if (reason < FIRST_FAILURE) this.#notePublished(packetId, incoming);
    else if (inFlight.incoming(packetId) === incoming) inFlight.release(packetId);
    this.#answered(slot, reason);
  }

  /** The answer need not wait for it: it is for a client that never reads the answer. */
  #notePublished(packetId: number, incoming: Incoming): void {
    const { inFlight, publishing, work } = this.#options;
    inFlight.published(packetId, incoming);
    const noted = publishing.store.commit();
    if (noted !== undefined) work(noted);
  }

  async #publishOnce(slot: Slot, incoming: Incoming, { isNew }: { readonly isNew: boolean }): Promise<number> {
    const { inFlight, publishing } = this.#options;
    try {
      if (isNew) {
        inFlight.take(slot.publish.packetId, incoming);
        await publishing.store.commit();
      } else if (await publishing.isStored(incoming)) {
        return REASON.success;
      }
      incoming.state = 'publishing';
      return await this.#publish(slot, incoming.messageId);
    } catch (error) {
      return this.#failed(slot, error);
    }
  }

  /** Nothing is to be done but to tell what became of it: no promise of its own is made for it. */
  #post(slot: Slot): void {
    const { exchange, view } = this.#options;
    try {
      const message = this.#messageOf(slot, undefined);
      exchange.post(view, slot.place.destination, message, { options: this.#sendOptions, awaiting: slot });
    } catch (error) {
      slot.refused(error);
    }
  }

  #reasonOf(receipt: Receipt | null): number {
    if (receipt === null) return REASON.noMatchingSubscribers;
    this.#options.publishing.sent(receipt);
    return REASON.success;
  }

  #messageOf({ publish, place }: Slot, id: string | undefined): Message {
    const { view, publishing, clientId } = this.#options;
    if (publish.retain) checkRetainable(place.destination);
    const publisher = publishing.wantsPublishers ? clientId : undefined;
    return messageOf(publish, { broker: view, now: publishing.clock.now(), publisher, id });
  }

  /** Never rejects, but for a defect: resolves to the reason for the client. */
  async #publish(slot: Slot, id: string | undefined): Promise<number> {
    const { exchange, view } = this.#options;
    const { destination } = slot.place;
    try {
      const receipt = await exchange.publish(view, destination, this.#messageOf(slot, id), this.#sendOptions);
      const reason = this.#reasonOf(receipt);
      if (slot.publish.retain) await this.#retain(slot);
      return reason;
    } catch (error) {
      return this.#failed(slot, error);
    }
  }

  /** That the client may publish there was asked, also where nobody awaits it. */
  async #retain({ publish, place }: Slot): Promise<void> {
    const { publishing, clientId } = this.#options;
    const { payload, qos, properties } = publish;
    const name = place.name.normalize('NFC');
    publishing.retained.set({ name, payload, qos, properties, publisher: clientId });
    await publishing.store.commit();
  }

  #failed(slot: Slot, error: unknown): number {
    const { channel, publishing } = this.#options;
    channel.booked.failed();
    publishing.noteFailure(error);
    slot.text = error instanceof Error ? error.message : undefined;
    return publishReasonOf(error);
  }

  #answered(slot: Slot, reason: number): void {
    slot.reason = reason;
    for (let next = this.#slots[0]; next?.reason !== undefined; next = this.#slots[0]) {
      this.#slots.shift();
      this.#unansweredBytes -= next.publish.payload.length;
      if (next.publish.qos === 1) this.#unansweredCount -= 1;
      this.#answerTo(next, next.reason);
    }
    if (this.#isPaused && !this.#isFull) {
      this.#isPaused = false;
      this.#options.onFull(false);
    }
    if (this.#slots.length === 0) this.#onIdle?.();
  }

  #answerTo({ publish: { qos, packetId }, text }: Slot, reason: number): void {
    const { reader, onRefused } = this.#options;
    if (qos === 0) return;
    const isRefused = reason >= FIRST_FAILURE;
    if (isRefused && reader.version !== 5) onRefused(new Violation(reason, text ?? 'a message was refused'));
    else this.#answer(qos === 1 ? 'puback' : 'pubrec', packetId, reason, isRefused ? text : undefined);
  }

  #answer(type: 'puback' | 'pubrec' | 'pubcomp', packetId: number, reason: number, reasonString?: string): void {
    const { channel, reader } = this.#options;
    if (reader.version !== 5 || reason === REASON.success) {
      const room = channel.reserve(PLAIN_ANSWER_BYTES);
      if (room !== undefined) writePlainAnswer({ type, packetId }, room);
      return;
    }
    const properties = reasonString === undefined ? {} : { reasonString };
    channel.write(encodeAnswer(reader, { type, packetId, reason, properties }));
  }

  get #isFull(): boolean {
    const { unansweredBytesMax } = this.#options;
    return this.#slots.length >= UNANSWERED_MAX || this.#unansweredBytes >= unansweredBytesMax;
  }

  #pauseIfFull(): void {
    if (this.#isPaused || !this.#isFull) return;
    this.#isPaused = true;
    this.#options.onFull(true);
  }
}
