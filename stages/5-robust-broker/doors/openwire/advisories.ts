/**
 * Tells one connection which temporary queues and topics there are: clients of ActiveMQ send to none that they have not heard of.
 *
 *     at first: all that are there      then: each that comes or goes      and before a message that names one: that one
 *
 * Always true: a client has heard of a temporary destination before it can be asked to answer to it.
 */
import type { Exchange } from '../exchange.ts';
import { type ConsumerId, DESTINATION, type WireDestination } from './commands.ts';
import type { Dispatcher } from './dispatcher.ts';
import { NOTHING_SAID } from './messages.ts';
import { advisoryOf, type Names } from './names.ts';
import type { Reader } from './reader.ts';

export interface AdvisoriesOptions {
  readonly consumerId: ConsumerId;
  readonly exchange: Exchange;
  readonly names: Names;
  readonly dispatcher: Dispatcher;
}

export class Advisories implements Reader {
  readonly #options: AdvisoriesOptions;
  /** Names of the wire. */
  readonly #told = new Set<string>();
  #stop: () => void = () => undefined;

  constructor(options: AdvisoriesOptions) {
    this.#options = options;
  }

  open(): void {
    const { exchange, names } = this.#options;
    const { present, stop } = exchange.watchTemporaries(({ destination, isCreated }) => {
      const wire = names.wireOfDestination(destination);
      if (isCreated) this.tell(wire);
      else this.#tellGone(wire);
    });
    this.#stop = stop;
    for (const { destination } of present) this.tell(names.wireOfDestination(destination));
  }

  /** That it is there, if that was not said. */
  tell(destination: WireDestination): void {
    const name = destination.physicalName ?? '';
    if (this.#told.has(name)) return;
    this.#told.add(name);
    this.#advise(destination, DESTINATION.add);
  }

  ack(): void {}

  pull(): void {}

  setPrefetch(): void {}

  pause(): void {}

  resume(): void {}

  async close(): Promise<void> {
    this.#stop();
  }

  async gone(): Promise<void> {
    this.#stop();
  }

  #tellGone(destination: WireDestination): void {
    if (this.#told.delete(destination.physicalName ?? '')) this.#advise(destination, DESTINATION.remove);
  }

  #advise(destination: WireDestination, operation: number): void {
    const { consumerId, dispatcher } = this.#options;
    dispatcher.dispatchOwn(consumerId, {
      ...NOTHING_SAID,
      destination: advisoryOf(destination),
      dataStructure: {
        type: 'DestinationInfo',
        ...{
          commandId: 0,
          responseRequired: false,
          connectionId: null,
          destination,
          operation,
          timeout: 0,
          brokerPath: null,
        },
      },
    });
  }
}
