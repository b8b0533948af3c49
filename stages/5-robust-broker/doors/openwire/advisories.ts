/**
 * Tells one connection which temporary queues and topics there are: clients of ActiveMQ send to none that they have not heard of.
 *
 *     at first: all that are there      then: each that comes or goes      and before a message that names one: that one
 *
 * Always true: a client has heard of a temporary destination before it can be asked to answer to it. Who knows the name of one
 * could answer in the place of who was asked: where there are rights, a client hears of its own, and of those it is asked to
 * answer to.
 */
import type { Exchange } from '../exchange.ts';
import type { TemporaryChange } from '../temporaries.ts';
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
  /** Whether it is told of all that this connection makes. */
  readonly mayHearOf: (owner: string) => boolean;
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
    const { exchange } = this.#options;
    const { present, stop } = exchange.watchTemporaries((change) => this.#changed(change));
    this.#stop = stop;
    for (const change of present) this.#changed(change);
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

  #changed({ destination, owner, isCreated }: TemporaryChange): void {
    const { names, mayHearOf } = this.#options;
    const wire = names.wireOfDestination(destination);
    if (!isCreated) this.#tellGone(wire);
    else if (mayHearOf(owner)) this.tell(wire);
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
