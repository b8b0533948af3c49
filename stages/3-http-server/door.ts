/**
 * What every route has in hand: the broker behind the door, and what a call through it needs.
 *
 * Always true: a wait ends when its caller goes (nothing is claimed for nobody) and when the server stops (the caller
 * gets an empty answer). Deliveries whose answer did not leave the server go back with the outcome `return`.
 * Made by the server, used by `routes/`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest, RawServerDefault } from 'fastify';
import { onBehalfOf } from '../../shared/admission.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import type { Delivery } from '../../shared/contract/message.ts';
import { type Connections, DRAINING } from './connections.ts';
import type { SchemaTypes } from './validator.ts';

/** Where routes are added. */
export type Routes = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, FastifyBaseLogger, SchemaTypes>;

declare module 'fastify' {
  interface FastifyRequest {
    /** What the admission gave; undefined where there is none to ask. */
    admitted: Broker | undefined;
  }
}

export class Door {
  /** All of it: for what the door does by itself, and to whoever may come in without being asked. */
  readonly broker: Broker;
  readonly connections: Connections;
  readonly #onDefect: (error: unknown) => void;

  constructor(broker: Broker, options: { connections: Connections; onDefect: (error: unknown) => void }) {
    this.broker = broker;
    this.connections = options.connections;
    this.#onDefect = options.onDefect;
  }

  get isDraining(): boolean {
    return this.connections.isDraining;
  }

  /** The broker as the caller of this request may use it. */
  brokerOf({ admitted }: Pick<FastifyRequest, 'admitted'>): Broker {
    return admitted ?? this.broker;
  }

  /** Aborts when the caller has gone or the server stops. */
  signalOf(request: { readonly raw: IncomingMessage }): AbortSignal {
    return this.connections.signalOf(request.raw.socket);
  }

  /** I2: a wait ends with its caller. The value of the wait; when the server stops meanwhile, what `whenDraining` says. */
  async wait<T>(
    request: { readonly raw: IncomingMessage },
    call: (signal: AbortSignal) => Promise<T>,
    whenDraining: () => T | Promise<T>,
  ): Promise<T> {
    if (this.isDraining) return whenDraining();
    const signal = this.signalOf(request);
    try {
      return await call(signal);
    } catch (error) {
      if (isMqError(error, 'MQ_ABORTED') && signal.reason === DRAINING) return whenDraining();
      throw error;
    }
  }

  /** I2: what was claimed for an answer that does not leave goes back. Called before the answer is given. */
  returnUnlessSent(deliveries: readonly Delivery[], request: FastifyRequest, reply: FastifyReply): void {
    if (deliveries.every(({ leaseToken }) => leaseToken === null)) return;
    const answer = reply.raw;
    const { socket } = request.raw;
    if (answer.closed || socket.destroyed) {
      this.#giveBack(request, deliveries);
      return;
    }
    let isSent = false;
    answer.once('finish', () => {
      // A socket that breaks also ends its pending writes, and a refusal for want of room leaves in the answer's place.
      isSent = !socket.destroyed && answer.statusCode < 400;
    });
    answer.once('close', () => {
      if (!isSent) this.#giveBack(request, deliveries);
    });
  }

  #giveBack(request: FastifyRequest, deliveries: readonly Delivery[]): void {
    const from = { admitted: this.brokerOf(request), broker: this.broker };
    for (const delivery of deliveries) {
      onBehalfOf(from, (broker) => broker.nack(delivery, { outcome: 'return' })).catch((error: unknown) => {
        // The lease may have ended, or the broker closed, meanwhile: then there is nothing left to give back.
        if (!isMqError(error)) this.#onDefect(error);
      });
    }
  }
}
