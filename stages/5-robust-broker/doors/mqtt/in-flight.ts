/**
 * Packet ids of one session: what was sent to the client and is not answered, and what came from it with QoS 2.
 *
 *     to the client      QoS 1  sent --PUBACK--> gone         QoS 2  sent --PUBREC--> received --PUBCOMP--> gone
 *     from the client    QoS 2  id known --PUBREL--> gone
 *
 * Always true (I36): an id is 1 to 65,535 and stands for one thing; what QoS 2 needs is in the store before a packet says so;
 * a record that comes again, after a restart too, has the packet id it had. The session has one, whoever is connected.
 */
import { RenewedMap } from '../../../../shared/client/renewed-map.ts';
import type { Delivery } from '../../../../shared/contract/message.ts';
import type { Feed } from '../feed.ts';
import type { QoS } from './packets.ts';
import type { Properties } from './properties.ts';
import { placeOfText, RecordBook, type RecordPlace, textOfPlace } from './record-book.ts';
import type { DoorStore } from './store.ts';

const ID_MAX = 65_535;

/** A message for the client. */
export interface Outgoing {
  readonly name: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties: Properties;
  readonly identifiers: readonly number[];
  /** Epoch ms; undefined: never. */
  readonly expiresAt: number | undefined;
  /** Missing for one that was retained. */
  readonly source: { readonly delivery: Delivery; readonly feed: Feed; readonly isOwn: boolean } | undefined;
}

/** What has a packet id and is not answered. */
export interface OutgoingEntry {
  readonly packetId: number;
  readonly qos: 1 | 2;
  /** Which record it is; undefined for one that was retained. */
  record: RecordPlace | undefined;
  /** `received`: the client has it (QoS 2), and needs to be told that we know. */
  state: 'sent' | 'received';
  /** Undefined until it comes again, after a reconnect. */
  message: Outgoing | undefined;
  /** Set when this connection has seen it. */
  isOnWire: boolean;
  /** The broker knows that it is finished. */
  isAcked: boolean;
}

interface StoredOutgoing {
  readonly recordKey: string;
  readonly state: OutgoingEntry['state'];
}

/** A packet id of the client with QoS 2. */
export interface Incoming {
  /** What it was published as, so that it is found again. */
  readonly messageId: string | undefined;
  readonly topic: string;
  /** No record of it has a lower offset. */
  readonly fromOffset: number;
  /** `unsure`: a restart came before its end was known. */
  state: 'publishing' | 'published' | 'unsure';
  /** While it is being published: resolves to the reason for the client. */
  ending: Promise<number> | undefined;
}

export interface StoredIncoming extends Omit<Incoming, 'state' | 'ending'> {
  /** The broker has it, and may have it no more: whoever awaited it may be done with it. */
  readonly isPublished?: boolean;
}

export class InFlight {
  readonly #store: DoorStore;
  readonly #clientId: string;
  readonly #outgoing = new RenewedMap<number, OutgoingEntry>();
  readonly #byRecord = new RecordBook<OutgoingEntry>();
  readonly #incoming = new Map<number, Incoming>();
  /** Records that the client has, and of which the broker was not told in time. */
  readonly #finished = new RecordBook<true>();
  #lastId = 0;

  constructor(store: DoorStore, clientId: string) {
    this.#store = store;
    this.#clientId = clientId;
  }

  get outgoing(): Iterable<OutgoingEntry> {
    return this.#outgoing.values();
  }

  /** QoS 2 from the client, not released yet. */
  get incomingCount(): number {
    return this.#incoming.size;
  }

  find(packetId: number): OutgoingEntry | undefined {
    return this.#outgoing.get(packetId);
  }

  findRecord(record: RecordPlace): OutgoingEntry | undefined {
    return this.#byRecord.get(record);
  }

  /** Undefined when every id is taken. */
  add(message: Outgoing, record: RecordPlace | undefined): OutgoingEntry | undefined {
    const packetId = this.#freeId();
    if (packetId === undefined) return undefined;
    const entry: OutgoingEntry = {
      packetId,
      qos: message.qos === 2 ? 2 : 1,
      record,
      state: 'sent',
      message,
      isOnWire: false,
      isAcked: false,
    };
    this.#keep(entry);
    this.#save(entry);
    return entry;
  }

  received(entry: OutgoingEntry): void {
    entry.state = 'received';
    this.#save(entry);
  }

  remove(entry: OutgoingEntry): void {
    this.#outgoing.delete(entry.packetId);
    if (entry.record !== undefined) this.#byRecord.delete(entry.record);
    if (entry.state === 'received' && !entry.isAcked && entry.record !== undefined) this.#finish(entry.record);
    if (entry.qos === 2) this.#store.delete('outbound', this.#keyOf(entry.packetId));
  }

  /** True, once, for a record that the client has finished and the broker may not know of. */
  isFinished(record: RecordPlace): boolean {
    return this.#finished.size > 0 && this.#finished.delete(record);
  }

  /** The connection is over: what is answered later is answered on another one. */
  disconnected(): void {
    for (const entry of [...this.#outgoing.values()]) {
      entry.isOnWire = false;
      const source = entry.message?.source;
      // What others may get now has no place in this session; what its group holds for it comes again.
      if (source !== undefined && !source.isOwn) this.remove(entry);
      else if (source !== undefined) entry.message = undefined;
      if (entry.record !== undefined) entry.record = withoutBody(entry.record);
    }
  }

  incoming(packetId: number): Incoming | undefined {
    return this.#incoming.get(packetId);
  }

  take(packetId: number, incoming: Incoming): void {
    this.#incoming.set(packetId, incoming);
    this.#saveIncoming(packetId, incoming);
  }

  /** It is not to be published again, whatever becomes of the record. */
  published(packetId: number, incoming: Incoming): void {
    incoming.state = 'published';
    if (this.#incoming.get(packetId) === incoming) this.#saveIncoming(packetId, incoming);
  }

  release(packetId: number): boolean {
    if (!this.#incoming.delete(packetId)) return false;
    this.#store.delete('inbound', this.#keyOf(packetId));
    return true;
  }

  /** The session is over. */
  forget(): void {
    for (const entry of [...this.#outgoing.values()]) this.remove(entry);
    for (const packetId of [...this.#incoming.keys()]) this.release(packetId);
  }

  restoreOutgoing(packetId: number, { recordKey, state }: StoredOutgoing): void {
    const record = recordKey === '' ? undefined : placeOfText(recordKey);
    this.#keep({ packetId, qos: 2, record, state, message: undefined, isOnWire: false, isAcked: false });
  }

  restoreIncoming(packetId: number, { isPublished = false, ...stored }: StoredIncoming): void {
    this.#incoming.set(packetId, { ...stored, state: isPublished ? 'published' : 'unsure', ending: undefined });
  }

  #saveIncoming(packetId: number, { state, ending: _, ...stored }: Incoming): void {
    if (!this.#store.isDurable) return;
    const isPublished = state === 'published';
    this.#store.put('inbound', this.#keyOf(packetId), { ...stored, ...(isPublished && { isPublished }) });
  }

  #keep(entry: OutgoingEntry): void {
    this.#outgoing.set(entry.packetId, entry);
    if (entry.record !== undefined) this.#byRecord.set(entry.record, entry);
  }

  /** Of QoS 1 nothing needs to be kept: the record comes again, and that is all. */
  #save({ qos, packetId, record, state }: OutgoingEntry): void {
    if (qos !== 2 || !this.#store.isDurable) return;
    const recordKey = record === undefined ? '' : textOfPlace(record);
    this.#store.put('outbound', this.#keyOf(packetId), { recordKey, state });
  }

  #finish(record: RecordPlace): void {
    if (this.#finished.size >= ID_MAX) this.#finished.clear();
    this.#finished.set(withoutBody(record), true);
  }

  #freeId(): number | undefined {
    if (this.#outgoing.size >= ID_MAX) this.#forgetLost();
    if (this.#outgoing.size >= ID_MAX) return undefined;
    do {
      this.#lastId = (this.#lastId % ID_MAX) + 1;
    } while (this.#outgoing.has(this.#lastId));
    return this.#lastId;
  }

  /** Records that did not come again: they have expired, or their topic is gone. */
  #forgetLost(): void {
    for (const entry of [...this.#outgoing.values()]) if (!entry.isOnWire && entry.state === 'sent') this.remove(entry);
  }

  #keyOf(packetId: number): string {
    return `${packetId}/${this.#clientId}`;
  }
}

/** Packet id and client id of a key in the store. */
export function splitKey(key: string): { readonly packetId: number; readonly clientId: string } {
  const slash = key.indexOf('/');
  return { packetId: Number(key.slice(0, slash)), clientId: key.slice(slash + 1) };
}

/** It may be a delivery, which would be kept with it. */
function withoutBody({ topic, partition, offset }: RecordPlace): RecordPlace {
  return { topic, partition, offset };
}
