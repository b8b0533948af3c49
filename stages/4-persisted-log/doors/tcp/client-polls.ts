/**
 * Receives, fetches and acks of a client as requests.
 *
 * Always true: deliveries that come for a caller who has given up go back before the call rejects; a wait that the closing
 * of the client ended has no answer. The client calls it.
 */
import type { FetchOptions } from '../../../../shared/contract/broker.ts';
import { abortedError } from '../../../../shared/contract/errors.ts';
import type { Limits } from '../../../../shared/contract/limits.ts';
import type { DeliveryRef } from '../../../../shared/contract/message.ts';
import type { CheckedReceiveOptions } from '../../../1-blocking-queue/checked-options.ts';
import type { CheckedFetchOptions } from '../../../2-ring-buffer/reading-options.ts';
import { filterOrNone } from '../../../3-http-server/later-options.ts';
import type { DeliveriesAnswer, RecordsAnswer } from './answers.ts';
import { type ClientCalls, readDone } from './client-calls.ts';
import { expect, ownDeliveries, ownRecords } from './client-reading.ts';
import { FRAME } from './frame.ts';
import { refsOf } from './handing-out.ts';
import { type AckRequest, writeAck, writeFetch, writeReceive } from './requests.ts';

export interface PollsOptions {
  readonly calls: ClientCalls;
  readonly limits: Limits;
  /** Of calls that name none. */
  readonly memberId: string;
  /** The server has stored batches to hand out. */
  readonly takesBatches: boolean;
}

export class ClientPolls {
  readonly #options: PollsOptions;

  constructor(options: PollsOptions) {
    this.#options = options;
  }

  /** undefined: the client was closed before there was an answer. */
  async receive(
    topic: string,
    { signal, filter, ...checked }: CheckedReceiveOptions,
    { leaseMs, takesOnlyBatches }: { readonly leaseMs: number | undefined; readonly takesOnlyBatches: boolean },
  ): Promise<DeliveriesAnswer | undefined> {
    const { calls, memberId: own, takesBatches } = this.#options;
    const { memberId = own } = checked;
    const isCancellable = signal !== undefined;
    const request = { ...checked, topic, memberId, leaseMs, isCancellable, takesBatches, takesOnlyBatches };
    const wanted = { ...request, filter: filterOrNone(filter) };
    const asked = calls.request({
      write: (out, id) => writeReceive(out, id, wanted),
      read: (type, content, isOwn) => {
        expect(type, FRAME.deliveries);
        return ownDeliveries(content, isOwn);
      },
      signal,
    });
    const answer = await calls.poll(asked);
    if (signal === undefined || !signal.aborted || answer === undefined) return answer;
    await this.giveBack([...refsOf(topic, answer)]);
    throw abortedError(signal);
  }

  /** undefined: the client was closed before there was an answer. */
  async fetch(
    topic: string,
    { signal, ...checked }: CheckedFetchOptions,
    { isolation, takesOnlyBatches }: Pick<FetchOptions, 'isolation'> & { readonly takesOnlyBatches: boolean },
  ): Promise<RecordsAnswer | undefined> {
    const { calls, takesBatches } = this.#options;
    const request = { ...checked, topic, isCancellable: signal !== undefined, takesBatches, takesOnlyBatches };
    const asked = calls.safely({
      write: (out, id) => writeFetch(out, id, { ...request, isolation }),
      read: ownRecords,
      signal,
    });
    return calls.poll(asked);
  }

  ack(request: AckRequest): Promise<void> {
    return this.#options.calls.request({ write: (out, id) => writeAck(out, id, request), read: readDone });
  }

  /** What came for somebody who had gone. A lease that ended meanwhile needs nothing. */
  async giveBack(refs: readonly DeliveryRef[]): Promise<void> {
    const leased = refs.filter(({ leaseToken }) => leaseToken !== null);
    const asked = leased.map(({ topic, partition, offset, group, memberId, leaseToken }) => {
      const ref = { topic, partition, offset, group, memberId, leaseToken };
      return this.#options.calls.call('nack', ref, { outcome: 'return' });
    });
    await Promise.allSettled(asked);
  }
}
