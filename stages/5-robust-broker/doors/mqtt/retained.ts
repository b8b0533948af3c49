/**
 * The last message of each topic that was published to be retained: whoever subscribes gets it first.
 *
 * Always true: at most one for each topic name; an empty one removes it; one that has expired is not there; how many there are,
 * and how many bytes, is bounded: `MQ_LIMIT_EXCEEDED`. Kept in the store of the door, so that a restart changes nothing.
 */
import type { Clock } from '../../../../shared/clock.ts';
import { MqError } from '../../../../shared/contract/errors.ts';
import type { QoS } from './packets.ts';
import { keptOf, type Properties } from './properties.ts';
import type { DoorStore } from './store.ts';
import type { TopicFilter } from './topics.ts';

const SECOND_MS = 1000;

export interface RetainedMessage {
  readonly name: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly properties: Properties;
  /** Epoch ms; undefined: never. */
  readonly expiresAt: number | undefined;
  /** The client id of its publisher. */
  readonly publisher: string | undefined;
}

export interface RetainedOptions {
  readonly store: DoorStore;
  readonly clock: Clock;
  readonly retainedCountMax: number;
  readonly retainedBytesMax: number;
}

export class Retained {
  readonly #options: RetainedOptions;
  readonly #byName = new Map<string, RetainedMessage>();
  #bytes = 0;

  constructor(options: RetainedOptions) {
    this.#options = options;
    for (const [name, value] of options.store.all('retained')) this.#keep(unpacked(name, value as Packed));
  }

  get count(): number {
    return this.#byName.size;
  }

  /** An empty payload removes what is there. */
  set({ properties, ...message }: Omit<RetainedMessage, 'expiresAt'>): void {
    const { store, clock } = this.#options;
    if (message.payload.length === 0) {
      this.#remove(message.name);
      store.delete('retained', message.name);
      return;
    }
    const { messageExpiryInterval, topicAlias: _, ...kept } = properties;
    const expiresAt = messageExpiryInterval === undefined ? undefined : clock.now() + messageExpiryInterval * SECOND_MS;
    const retained = { ...keptOf({ ...message, properties: kept }), expiresAt };
    this.#checkRoom(retained);
    this.#keep(retained);
    store.put('retained', message.name, packed(retained));
  }

  matching(filter: TopicFilter): readonly RetainedMessage[] {
    if (filter.destination !== undefined) {
      const found = this.#byName.get(filter.text.normalize('NFC'));
      return found !== undefined && this.#isAlive(found) ? [found] : [];
    }
    return [...this.#byName.values()].filter((one) => filter.matches(one.name) && this.#isAlive(one));
  }

  #isAlive({ name, expiresAt }: RetainedMessage): boolean {
    if (expiresAt === undefined || expiresAt > this.#options.clock.now()) return true;
    this.#remove(name);
    this.#options.store.delete('retained', name);
    return false;
  }

  #checkRoom(message: RetainedMessage): void {
    const { retainedCountMax, retainedBytesMax } = this.#options;
    const old = this.#byName.get(message.name);
    const bytes = this.#bytes - (old === undefined ? 0 : sizeOf(old)) + sizeOf(message);
    const count = this.#byName.size + (old === undefined ? 1 : 0);
    if (bytes <= retainedBytesMax && count <= retainedCountMax) return;
    for (const other of [...this.#byName.values()]) this.#isAlive(other);
    if (this.#bytes + sizeOf(message) <= retainedBytesMax && this.#byName.size < retainedCountMax) return;
    throw new MqError(
      'MQ_LIMIT_EXCEEDED',
      `at most ${retainedCountMax} messages and ${retainedBytesMax} bytes are retained`,
    );
  }

  #keep(message: RetainedMessage): void {
    this.#remove(message.name);
    this.#byName.set(message.name, message);
    this.#bytes += sizeOf(message);
  }

  #remove(name: string): void {
    const old = this.#byName.get(name);
    if (old === undefined) return;
    this.#byName.delete(name);
    this.#bytes -= sizeOf(old);
  }
}

interface Packed extends Omit<RetainedMessage, 'name' | 'payload' | 'properties'> {
  readonly payload: string;
  readonly correlationData?: string;
  readonly properties: Properties;
}

function packed({ name: _, payload, properties, ...rest }: RetainedMessage): Packed {
  const { correlationData, ...others } = properties;
  return {
    ...rest,
    payload: Buffer.from(payload).toString('base64'),
    properties: others,
    ...(correlationData !== undefined && { correlationData: Buffer.from(correlationData).toString('base64') }),
  };
}

function unpacked(name: string, { payload, properties, correlationData, ...rest }: Packed): RetainedMessage {
  const data = correlationData === undefined ? {} : { correlationData: Buffer.from(correlationData, 'base64') };
  return { name, ...rest, payload: Buffer.from(payload, 'base64'), properties: { ...properties, ...data } };
}

/** With what V8 takes for the rest, about. */
function sizeOf({ name, payload, properties }: RetainedMessage): number {
  const { userProperties = [], contentType = '', responseTopic = '', correlationData } = properties;
  const texts = userProperties.reduce((sum, [key, value]) => sum + key.length + value.length + 64, 0);
  const rest = contentType.length + responseTopic.length + (correlationData?.length ?? 0);
  return 512 + name.length + payload.length + texts + rest;
}
