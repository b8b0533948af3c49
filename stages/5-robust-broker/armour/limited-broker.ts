/**
 * A Broker that lets one client use up so much and no more, and lets so much into and out of a topic.
 *
 *     send, sendBatch, ...        enough left of the client's and of the topic's rate?  no: MQ_RATE_LIMITED, nothing was stored
 *     receive, fetch, ...         is it in debt?  no: answered in full, and counted afterwards
 *     receive, subscribe          room for deliveries in flight?  no: MQ_LIMIT_EXCEEDED
 *
 * Always true (I23): a refusal says in `retryAfterMs` when to come back, and costs nothing; acks and all else that makes
 * room are never refused. What a quota does not limit goes straight to the broker.
 */
import type { Broker } from '../../../shared/contract/broker.ts';
import { isMqError } from '../../../shared/contract/errors.ts';
import type { Message } from '../../../shared/contract/message.ts';
import type { Transaction } from '../../../shared/contract/transaction.ts';
import { type Operations, operationOf, viewOf } from './broker-view.ts';
import { finishing, receiving } from './limited-receives.ts';
import { bytesOfMessage, bytesOfMessages, recordCountOf } from './message-bytes.ts';
import type { Amount } from './quotas.ts';
import { charge, checkMayRead, type LimitedBy, read, sent, spend } from './spending.ts';
import { transactionView } from './transaction-view.ts';

export function limitedBroker(broker: Broker, by: LimitedBy): Broker {
  const hasRates = !by.client.rates.isUnlimited || !by.topics.isUnlimited;
  const hasHeldLimit = by.client.held.isLimited;
  return viewOf(broker, {
    ...(hasRates && { ...sending(broker, by), ...looking(broker, by) }),
    ...((hasRates || hasHeldLimit) && { ...receiving(broker, by) }),
    ...((hasRates || hasHeldLimit || by.client.transactions.isLimited) && transacting(broker, by)),
    ...(hasHeldLimit && finishing(broker, by.client.held)),
  });
}

function sending(broker: Broker, by: LimitedBy): Partial<Operations> {
  return {
    send: async (topic, message, options) => {
      spend(by, topic, sent(1, bytesOfMessage(message)));
      return await broker.send(topic, message, options);
    },
    sendBatch: async (topic, messages, options) => {
      spend(by, topic, sent(countOf(messages), bytesOfMessages(messages)));
      return await broker.sendBatch(topic, messages, options);
    },
    sendHalf: async (topic, message, options) => {
      spend(by, topic, sent(1, bytesOfMessage(message)));
      return await broker.sendHalf(topic, message, options);
    },
    appendBatch: async (topic, batch, options) => {
      spend(by, topic, sent(recordCountOf(batch), batch instanceof Uint8Array ? batch.length : 0));
      return await operationOf(broker, 'appendBatch')(topic, batch, options);
    },
  };
}

/** What is read without a lease. */
function looking(broker: Broker, by: LimitedBy): Partial<Operations> {
  /** Answers `call`, and charges what `amountOf` finds in the answer. */
  const reading = async <Answer>(
    topic: string,
    { call, amountOf }: { readonly call: () => Promise<Answer>; readonly amountOf: (answer: Answer) => Amount },
  ): Promise<Answer> => {
    checkMayRead(by, topic);
    const answer = await call();
    charge(by, topic, amountOf(answer));
    return answer;
  };
  return {
    fetch: (topic, options) =>
      reading(topic, {
        call: () => broker.fetch(topic, options),
        amountOf: ({ records }) => read(records.length, bytesOfMessages(records)),
      }),
    browse: (topic, options) =>
      reading(topic, {
        call: () => broker.browse(topic, options),
        amountOf: (records) => read(records.length, bytesOfMessages(records)),
      }),
    lookup: (topic, options) =>
      reading(topic, {
        call: () => broker.lookup(topic, options),
        amountOf: ({ records }) => read(records.length, bytesOfMessages(records)),
      }),
    fetchBatches: (topic, options) =>
      reading(topic, {
        call: () => operationOf(broker, 'fetchBatches')(topic, options),
        amountOf: ({ bytes }) => read(recordCountOf(bytes), bytes.length),
      }),
  };
}

function transacting(broker: Broker, by: LimitedBy): Partial<Operations> {
  const { transactions } = by.client;
  const ending = async (id: string, end: () => Promise<void>): Promise<void> => {
    try {
      await end();
    } catch (error) {
      // Open still, unless it was over before.
      if (!isMqError(error, 'MQ_TRANSACTION_ENDED') && !isMqError(error, 'MQ_PRODUCER_FENCED')) throw error;
      transactions.ended(id);
      throw error;
    }
    transactions.ended(id);
  };
  const limited = (transaction: Transaction): Transaction =>
    transactionView(transaction, {
      send: async (topic, message, options) => {
        spend(by, topic, sent(1, bytesOfMessage(message)));
        return await transaction.send(topic, message, options);
      },
      sendBatch: async (topic, messages, options) => {
        spend(by, topic, sent(countOf(messages), bytesOfMessages(messages)));
        return await transaction.sendBatch(topic, messages, options);
      },
      ack: async (deliveries) => {
        await transaction.ack(deliveries);
        by.client.held.release(deliveries);
      },
      commit: () => ending(transaction.id, () => transaction.commit()),
      abort: () => ending(transaction.id, () => transaction.abort()),
    });
  return {
    begin: async (options) => limited(await transactions.begin(options, () => broker.begin(options))),
    findTransaction: async (id) => limited(await broker.findTransaction(id)),
  };
}

function countOf(messages: readonly Message[]): number {
  return Array.isArray(messages) ? messages.length : 0;
}
