/**
 * The calls of one connection: those of the Broker contract, and those about the connection itself.
 *
 *     subscribe, unsubscribe              Subscriptions
 *     findTransaction, commitOffset       Belongings, else the broker
 *     createTemporaryTopic                Belongings
 *     all others                          the broker
 *
 * Always true: a call is answered once, and what it means for the connection is noted before that.
 */
import type { Broker } from '../../../../shared/contract/broker.ts';
import type { DeliveryRef } from '../../../../shared/contract/message.ts';
import type { CommitOffsetOptions } from '../../../../shared/contract/transaction.ts';
import { invalidArgument } from '../../../../shared/contract/validation.ts';
import type { Belongings } from './belongings.ts';
import { type Call, callBroker } from './calls.ts';
import type { Holdings } from './holdings.ts';
import type { Subscriptions } from './subscriptions.ts';

export interface CallDeskOptions {
  readonly broker: Broker;
  readonly belongings: Belongings;
  readonly holdings: Holdings;
  readonly subscriptions: Subscriptions;
}

export class CallDesk {
  readonly #options: CallDeskOptions;

  constructor(options: CallDeskOptions) {
    this.#options = options;
  }

  /** Calls `answer` with what there is to say; undefined: nothing. */
  async run(call: Call, signal: AbortSignal, answer: (result: unknown) => void): Promise<void> {
    const { broker, belongings, subscriptions } = this.#options;
    const { op, args } = call;
    switch (op) {
      case 'subscribe':
        // Answered within: what is pushed comes after the number it is pushed under.
        return subscriptions.open(args, (subscription) => answer({ subscription }));
      case 'unsubscribe':
        return answer(subscriptions.close(args));
      case 'findTransaction': {
        const { id } = await belongings.find(textIn('id', args[0]));
        return answer({ id });
      }
      case 'commitOffset': {
        const [id, topic, position] = args;
        const transaction = await belongings.find(textIn('id', id));
        return answer(await transaction.commitOffset(textIn('topic', topic), position as CommitOffsetOptions));
      }
      case 'createTemporaryTopic':
        return answer(await belongings.createTopic());
      default: {
        const result = await callBroker(broker, call, signal);
        this.#note(op, args);
        return answer(result);
      }
    }
  }

  /** What a call that succeeded means for what is held. */
  #note(op: string, args: readonly unknown[]): void {
    const { belongings, holdings } = this.#options;
    const [ref, options] = args as readonly [DeliveryRef, { readonly leaseMs?: number } | undefined];
    if (op === 'nack') holdings.givenBack(ref);
    else if (op === 'extendLease') holdings.prolonged(ref, options?.leaseMs);
    else if (op === 'deleteTopic') belongings.deleted(args[0]);
  }
}

function textIn(path: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw invalidArgument(path, 'a string', value);
}
