/**
 * One message that a client published, in the line of those without an answer: it waits there for what becomes of it.
 *
 * Always true: it is itself what the PublishLane tells the end, so a message costs no promise and no closure. Only the Publisher
 * makes it.
 */
import type { Receipt } from '../../../../shared/contract/message.ts';
import type { Destination } from '../destinations.ts';
import type { Awaiting } from '../publish-lane.ts';
import type { Publish } from './packets.ts';

/** A topic name, and what it stands for. */
export interface Place {
  readonly name: string;
  readonly destination: Destination;
}

/** Told of every slot of one client. */
export interface SlotEnds {
  readonly onPublished: (slot: Slot, receipt: Receipt | null) => void;
  readonly onRefused: (slot: Slot, error: unknown) => void;
}

export class Slot implements Awaiting {
  readonly publish: Publish;
  readonly place: Place;
  readonly #ends: SlotEnds;
  /** For the client; undefined until it is known. */
  reason: number | undefined = undefined;
  text: string | undefined = undefined;

  constructor(publish: Publish, place: Place, ends: SlotEnds) {
    this.publish = publish;
    this.place = place;
    this.#ends = ends;
  }

  published(receipt: Receipt | null): void {
    this.#ends.onPublished(this, receipt);
  }

  refused(error: unknown): void {
    this.#ends.onRefused(this, error);
  }
}
