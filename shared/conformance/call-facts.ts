/**
 * What the history checker needs to know of a call, taken from its arguments and from its answer. Pure.
 *
 * Always true: arguments and answers of the wrong shape, which tests send and broken brokers give, never throw out of
 * `factsOf`. Called by the recorder only.
 */
import type { Broker, FetchOptions, FetchResult, OffsetOptions, ReceiveOptions } from '../contract/broker.ts';
import { isMqError } from '../contract/errors.ts';
import { DEFAULTS } from '../contract/limits.ts';
import type { BatchReceipt, Delivery, DeliveryRef, Message, Receipt } from '../contract/message.ts';
import type { CommitOffsetOptions, Transaction } from '../contract/transaction.ts';
import type { CallFacts, LeaseRef, ReadRecord } from './history.ts';
import { standInOf } from './show.ts';

/** What a call asks for, what of its answer the checker needs, and what of a refusal. */
export interface FactsOf {
  readonly asked: CallFacts;
  answered(answer: unknown): CallFacts;
  refused?(error: unknown): CallFacts;
}

export function factsOf(name: string, args: readonly unknown[]): FactsOf {
  const topic = topicAsked(name, args[0]);
  const other: FactsOf = { asked: { kind: 'other', topic }, answered: () => ({ kind: 'other', topic }) };
  try {
    if (name === 'begin') return beginFacts;
    return topic === undefined ? leaseFacts(name, args, other) : topicFacts(name, topic, args, other);
  } catch {
    // The arguments are deliberately wrong (a test of refusals): there is nothing for the checker in them.
    return other;
  }
}

/** The topic a call is about; every operation has it first, and the question for a description in its options. */
function topicAsked(name: string, first: unknown): string | undefined {
  const asked = name === 'describeTopics' ? (first as Parameters<Broker['describeTopics']>[0])?.topic : first;
  return typeof asked === 'string' ? asked : undefined;
}

function topicFacts(name: string, topic: string, args: readonly unknown[], other: FactsOf): FactsOf {
  switch (name) {
    case 'send':
      return sendFacts(topic, [args[1] as Message]);
    case 'sendBatch':
      return sendFacts(topic, args[1] as readonly Message[]);
    case 'receive':
      return receiveFacts(topic, (args[1] ?? {}) as ReceiveOptions);
    case 'fetch':
      return fetchFacts(topic, (args[1] ?? {}) as FetchOptions);
    case 'commit':
    case 'committed':
    case 'seek':
      return positionFacts(name, topic, args[1] as OffsetOptions & { readonly offset?: number });
    case 'leave': {
      const { group = DEFAULTS.group, memberId = '' } = args[1] as { group?: string; memberId?: string };
      return constant({ kind: 'leave', topic, group, memberId });
    }
    case 'deleteTopic':
      return constant({ kind: 'deleteTopic', topic });
    case 'deleteGroup':
      return constant({ kind: 'deleteGroup', topic, group: args[1] as string });
    default:
      return other;
  }
}

function leaseFacts(name: string, args: readonly unknown[], other: FactsOf): FactsOf {
  const options = (args[1] ?? {}) as { cumulative?: boolean; leaseMs?: number };
  if (name === 'ack') {
    const refs = (args[0] as readonly DeliveryRef[]).map(leaseRef);
    return constant({ kind: 'ack', refs, isCumulative: options.cumulative ?? false });
  }
  if (name !== 'nack' && name !== 'extendLease') return other;
  const refs = [leaseRef(args[0] as DeliveryRef)];
  return constant(
    name === 'nack'
      ? { kind: 'nack', refs }
      : { kind: 'extendLease', refs, leaseMs: options.leaseMs ?? DEFAULTS.leaseMs },
  );
}

function constant(facts: CallFacts): FactsOf {
  return { asked: facts, answered: () => facts };
}

function sendFacts(topic: string, messages: readonly Message[], within: { transaction?: string } = {}): FactsOf {
  const values = messages.map((message) => standInOf(message.body));
  const asked = { kind: 'send', topic, partition: 0, values, baseOffset: null, ...within } as const;
  return {
    asked,
    answered: (answer) => {
      const receipt = answer as Receipt | BatchReceipt;
      const baseOffset = 'baseOffset' in receipt ? receipt.baseOffset : receipt.offset;
      const repetition = receipt.isDuplicate ? { isDuplicate: true } : {};
      return { ...asked, partition: receipt.partition, baseOffset, ...repetition };
    },
  };
}

export function receiveFacts(topic: string, options: ReceiveOptions): FactsOf {
  const { group = DEFAULTS.group, memberId = '', leaseMs = DEFAULTS.leaseMs } = options;
  const asked = { kind: 'receive', topic, group, memberId, leaseMs, records: [] } as const;
  return {
    asked,
    answered: (answer) => {
      const deliveries = answer as readonly Delivery[];
      return { ...asked, memberId: deliveries[0]?.memberId ?? memberId, records: deliveries.map(deliveryRecord) };
    },
  };
}

function fetchFacts(topic: string, options: FetchOptions): FactsOf {
  const { partition = 0, offset = 0, isolation } = options;
  const asked = {
    kind: 'fetch',
    topic,
    partition,
    offset,
    records: [],
    nextOffset: offset,
    logStartOffset: 0,
    ...(isolation === 'read-uncommitted' ? { isUncommitted: true } : {}),
  } as const;
  return {
    asked,
    answered: (answer) => {
      const { records, nextOffset, logStartOffset, lastStableOffset } = answer as FetchResult;
      const stable = lastStableOffset === undefined ? {} : { lastStableOffset };
      const read = records.map((record) => ({
        partition: record.partition,
        offset: record.offset,
        value: standInOf(record.body),
      }));
      return { ...asked, records: read, nextOffset, logStartOffset, ...stable };
    },
  };
}

function positionFacts(
  kind: 'commit' | 'committed' | 'seek',
  topic: string,
  { group, partition = 0, offset: wanted = 0 }: OffsetOptions & { readonly offset?: number },
): FactsOf {
  const factsAt = (offset: number): CallFacts => ({ kind, topic, group, partition, offset });
  return { asked: factsAt(wanted), answered: (answer) => factsAt(answer as number) };
}

function deliveryRecord(delivery: Delivery): ReadRecord {
  const { partition, offset, leaseToken, deliveryCount, redeliveryReason: reason } = delivery;
  const record = { partition, offset, value: standInOf(delivery.body), leaseToken, deliveryCount };
  return reason === undefined ? record : { ...record, reason };
}

function leaseRef(ref: DeliveryRef): LeaseRef {
  const { topic, group, partition, offset, leaseToken } = ref;
  return { topic, group, partition, offset, leaseToken };
}

const NO_TRANSACTION = { kind: 'begin', transaction: '' } as const;

const beginFacts: FactsOf = {
  asked: NO_TRANSACTION,
  answered: (answer) => ({ kind: 'begin', transaction: (answer as Transaction).id }),
};

/** Of a call of the transaction with this id. */
export function factsOfTransaction(transaction: string, name: string, args: readonly unknown[]): FactsOf {
  const other: FactsOf = constant({ kind: 'other', topic: undefined });
  try {
    switch (name) {
      case 'send':
        return sendFacts(args[0] as string, [args[1] as Message], { transaction });
      case 'sendBatch':
        return sendFacts(args[0] as string, args[1] as readonly Message[], { transaction });
      case 'ack': {
        const refs = (args[0] as readonly DeliveryRef[]).map(leaseRef);
        return constant({ kind: 'ack', refs, isCumulative: false, transaction });
      }
      case 'commitOffset': {
        const { group, partition = 0, offset } = args[1] as CommitOffsetOptions;
        return constant({ kind: 'commitOffset', topic: args[0] as string, group, partition, offset, transaction });
      }
      case 'commit':
      case 'abort':
        return endFacts(transaction, name);
      default:
        return other;
    }
  } catch {
    return other;
  }
}

/** A refusal may say how the transaction had ended before. */
function endFacts(transaction: string, how: 'commit' | 'abort'): FactsOf {
  const asked = { kind: 'end', transaction, how } as const;
  const refused = (error: unknown): CallFacts => {
    const { outcome } = isMqError(error, 'MQ_TRANSACTION_ENDED') ? error.details : {};
    return outcome === undefined ? asked : { ...asked, endedBefore: outcome };
  };
  return { asked, answered: () => asked, refused };
}
