/**
 * A broker that writes down every call made to it:
 *
 *     test -> recorded broker -> broker under test
 *                   |
 *                   +-> History
 *
 * Always true: the recorded broker answers exactly what the broker answered; a call that throws instead of rejecting,
 * or answers something that is no promise, is a contradiction of its own; nothing is asked of the broker once the
 * history is closed. What is pushed to a subscriber is written down like what is received. Every promise that passes through has a
 * rejection handler, so that a test that ends early leaves no unhandled rejection behind.
 */
import type { Broker, FetchOptions, FetchResult, OffsetOptions, ReceiveOptions } from '../contract/broker.ts';
import { isMqError } from '../contract/errors.ts';
import { DEFAULTS } from '../contract/limits.ts';
import type { BatchReceipt, Delivery, DeliveryRef, Message, Receipt } from '../contract/message.ts';
import {
  CALLS_MAX,
  type CallFacts,
  type CallOutcome,
  type History,
  type LeaseRef,
  type ReadRecord,
} from './history.ts';
import { show, standInOf } from './show.ts';
import { Contradiction, EnvironmentFault } from './verdict.ts';

type Operation = (...args: unknown[]) => Promise<unknown>;

/** What a call asks for, and what of its answer the checker needs. */
interface FactsOf {
  readonly asked: CallFacts;
  answered(answer: unknown): CallFacts;
}

/** The broker seen by `client`, whose calls go into `history`. */
export function recorded(broker: Broker, history: History, client: string): Broker {
  return new Proxy(broker, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      if (typeof name === 'symbol') return member.bind(target);
      const operation = member.bind(target) as Operation;
      return (...args: unknown[]) => {
        const passed = name === 'subscribe' ? recordingPushes(args, history, client) : args;
        return recordCall({ operation, name, args: passed }, history, client);
      };
    },
  });
}

function recordCall(
  call: { readonly operation: Operation; readonly name: string; readonly args: readonly unknown[] },
  history: History,
  client: string,
): Promise<unknown> {
  const { operation, name, args } = call;
  if (history.isClosed) return rejection(new EnvironmentFault(`${name} after the end of the test`));
  if (history.calls.length >= CALLS_MAX) {
    const got = `no end after ${CALLS_MAX} calls, the latest of them ${name}`;
    return rejection(new Contradiction('repeating a call until nothing is left', { expected: 'an end', got }));
  }
  const facts = factsOf(name, args);
  const end = history.start({ client, text: `${name}(${args.map(showArgument).join(', ')})`, facts: facts.asked });
  let answer: Promise<unknown>;
  try {
    answer = operation(...args);
    if (typeof answer?.then !== 'function') throw new TypeError(`${name} answered ${show(answer)}, not a promise`);
  } catch (error) {
    end({ outcome: 'failed', answer: `threw ${show(error)}` });
    return rejection(new Contradiction(name, { expected: 'a promise, also for a mistake', got: show(error) }));
  }
  answer.then(
    (value) => end({ outcome: 'ok', ...whatCame(value, facts) }),
    (error: unknown) => end({ outcome: outcomeOf(error), answer: `rejected: ${show(error)}` }),
  );
  return answer;
}

/** The arguments of a `subscribe`, with a callback that writes down each delivery before it passes it on. */
function recordingPushes(args: readonly unknown[], history: History, client: string): readonly unknown[] {
  const [topic, options, onDelivery, ...others] = args as Parameters<Broker['subscribe']>;
  if (typeof onDelivery !== 'function') return args;
  // Nobody knows when the lease of a pushed delivery began; certainly not before the subscription did.
  const startedAtMs = history.nowMs();
  const recording = (delivery: Delivery): void => {
    if (!history.isClosed) {
      const { asked, answered } = receiveFacts(topic, options);
      const text = `is pushed by the subscription to ${show(topic)}`;
      const end = history.start({ client, text, facts: asked, startedAtMs });
      end({ outcome: 'ok', ...whatCame([delivery], { asked, answered }) });
    }
    onDelivery(delivery);
  };
  return [topic, options, recording, ...others];
}

/** A rejection that is no unhandled one before somebody awaits it. */
function rejection(error: Error): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(() => undefined);
  return promise;
}

/** An answer of the wrong shape is shown as it is, and says nothing to the checker: the test judges it. */
function whatCame(answer: unknown, facts: FactsOf): { readonly answer: string; readonly facts?: CallFacts } {
  try {
    return { answer: showAnswer(answer), facts: facts.answered(answer) };
  } catch {
    return { answer: show(answer) };
  }
}

/** Deliveries given back to the broker are shown by what the broker looks at. */
function showArgument(argument: unknown): string {
  if (Array.isArray(argument)) return show(argument.map(withoutContent));
  return show(withoutContent(argument));
}

function withoutContent(argument: unknown): unknown {
  if (typeof argument !== 'object' || argument === null || !('leaseToken' in argument)) return argument;
  const { topic, group, memberId, offset, leaseToken } = argument as DeliveryRef;
  return { topic, group, memberId, offset, leaseToken };
}

/** Records and deliveries are shown by what tells them apart; a story is read by people. */
function showAnswer(answer: unknown): string {
  if (Array.isArray(answer)) return show(answer.map(essence));
  if (typeof answer !== 'object' || answer === null || !('records' in answer)) return show(answer);
  return show({ ...answer, records: (answer as FetchResult).records.map(essence) });
}

function essence(item: unknown): unknown {
  if (typeof item !== 'object' || item === null || !('body' in item)) return item;
  const { offset, body, key, group, memberId, deliveryCount, leaseToken, redeliveryReason } = item as Delivery;
  return { offset, body, key, group, memberId, deliveryCount, leaseToken, redeliveryReason };
}

/** Refusals are certain; a broken connection, an abort or a defect leaves open whether the call took effect. */
function outcomeOf(error: unknown): CallOutcome & ('failed' | 'unknown') {
  const uncertain = ['MQ_CONNECTION_LOST', 'MQ_TIMEOUT', 'MQ_ABORTED', 'MQ_INTERNAL', 'MQ_PROTOCOL', 'MQ_CLOSED'];
  return isMqError(error) && !uncertain.includes(error.code) ? 'failed' : 'unknown';
}

function factsOf(name: string, args: readonly unknown[]): FactsOf {
  const topic = topicAsked(name, args[0]);
  const other: FactsOf = { asked: { kind: 'other', topic }, answered: () => ({ kind: 'other', topic }) };
  try {
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
      return positionFacts(name, topic, args[1] as OffsetOptions);
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

function sendFacts(topic: string, messages: readonly Message[]): FactsOf {
  const values = messages.map((message) => standInOf(message.body));
  const asked = { kind: 'send', topic, partition: 0, values, baseOffset: null } as const;
  return {
    asked,
    answered: (answer) => {
      const receipt = answer as Receipt | BatchReceipt;
      const baseOffset = 'baseOffset' in receipt ? receipt.baseOffset : receipt.offset;
      return { ...asked, partition: receipt.partition, baseOffset };
    },
  };
}

function receiveFacts(topic: string, options: ReceiveOptions): FactsOf {
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
  const { partition = 0, offset = 0 } = options;
  const asked = {
    kind: 'fetch',
    topic,
    partition,
    offset,
    records: [],
    nextOffset: offset,
    logStartOffset: 0,
  } as const;
  return {
    asked,
    answered: (answer) => {
      const { records, nextOffset, logStartOffset } = answer as FetchResult;
      const read = records.map((record) => ({
        partition: record.partition,
        offset: record.offset,
        value: standInOf(record.body),
      }));
      return { ...asked, records: read, nextOffset, logStartOffset };
    },
  };
}

function positionFacts(kind: 'commit' | 'committed' | 'seek', topic: string, options: OffsetOptions): FactsOf {
  const { group, partition = 0 } = options;
  const factsAt = (offset: number): CallFacts => ({ kind, topic, group, partition, offset });
  return { asked: factsAt(0), answered: (answer) => factsAt(answer as number) };
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
