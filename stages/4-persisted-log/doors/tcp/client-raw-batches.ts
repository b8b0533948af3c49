/**
 * Capability `raw-batches` of a client: batches as their bytes, neither encoded nor decoded here.
 *
 * Always true: the answer has stored batches or the call fails. The client hands these operations out as its own.
 */
import type { AppendOptions, Broker, SendOptions } from '../../../../shared/contract/broker.ts';
import { invalidArgument } from '../../../../shared/contract/validation.ts';
import { checkReceiveOptions } from '../../../1-blocking-queue/checked-options.ts';
import { checkFetchOptions } from '../../../2-ring-buffer/reading-options.ts';
import type { ClientRules } from '../../../3-http-server/client-rules.ts';
import { checkIsGiven } from '../../message-options.ts';
import type { ClientCalls } from './client-calls.ts';
import type { ClientPolls } from './client-polls.ts';
import { rawDeliveriesOf, rawFetchedOf } from './client-reading.ts';
import type { Outbox } from './client-sending.ts';

export interface ClientRawBatchesParts {
  readonly rules: ClientRules;
  readonly calls: ClientCalls;
  readonly outbox: Outbox;
  readonly polls: ClientPolls;
}

export class ClientRawBatches {
  readonly #parts: ClientRawBatchesParts;

  constructor(parts: ClientRawBatchesParts) {
    this.#parts = parts;
  }

  readonly appendBatch: Required<Broker>['appendBatch'] = async (topic, batch, options) => {
    const { rules, calls, outbox } = this.#parts;
    rules.need('raw-batches', 'appendBatch');
    const name = rules.nameOf(topic);
    if (!(batch instanceof Uint8Array)) throw invalidArgument('batch', 'a Uint8Array', batch);
    const answer = await calls.request(outbox.encoded(name, batch, sendOptionsOf(options)));
    const { partition, baseOffset, count, durability, isDuplicate } = answer;
    const receipt = { topic: name, partition, baseOffset, count, durability };
    return isDuplicate ? { ...receipt, isDuplicate } : receipt;
  };

  readonly fetchBatches: Required<Broker>['fetchBatches'] = async (topic, options) => {
    const { rules, polls } = this.#parts;
    rules.need('raw-batches', 'fetchBatches');
    const checked = checkFetchOptions(options, rules);
    const answer = await polls.fetch(rules.nameOf(topic), checked, { ...options, takesOnlyBatches: true });
    const { offset } = checked;
    if (answer !== undefined) return rawFetchedOf(answer);
    return { bytes: new Uint8Array(), nextOffset: offset, logStartOffset: offset, highWatermark: offset };
  };

  readonly receiveBatches: Required<Broker>['receiveBatches'] = async (topic, options) => {
    const { rules, polls } = this.#parts;
    rules.need('raw-batches', 'receiveBatches');
    const checked = checkReceiveOptions(options, rules);
    const asked = { leaseMs: options?.leaseMs, takesOnlyBatches: true };
    const answer = await polls.receive(rules.nameOf(topic), checked, asked);
    return answer === undefined ? [] : rawDeliveriesOf(answer);
  };
}

/** Whether it is given does not matter here: what leaves is not copied in any case. */
function sendOptionsOf(options: AppendOptions | undefined): SendOptions | undefined {
  if (options?.isGiven === undefined) return options;
  checkIsGiven(options);
  const { isGiven: _, ...rest } = options;
  return rest;
}
