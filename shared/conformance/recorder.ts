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
import type { Broker, FetchResult } from '../contract/broker.ts';
import { isMqError } from '../contract/errors.ts';
import type { Delivery, DeliveryRef } from '../contract/message.ts';
import type { Transaction } from '../contract/transaction.ts';
import { type FactsOf, factsOf, factsOfTransaction, receiveFacts } from './call-facts.ts';
import { CALLS_MAX, type CallFacts, type CallOutcome, type History } from './history.ts';
import { show } from './show.ts';
import { Contradiction, EnvironmentFault } from './verdict.ts';

type Operation = (...args: unknown[]) => Promise<unknown>;

/** One call that is to be made and written down. */
interface CallToRecord {
  readonly operation: Operation;
  readonly name: string;
  readonly args: readonly unknown[];
  /** Of a call of a transaction. */
  readonly transaction?: string;
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
        const answer = recordCall({ operation, name, args: passed }, history, client);
        if (name !== 'begin' && name !== 'findTransaction') return answer;
        const opened = answer.then((begun) => recordedTransaction(begun, history, client));
        opened.catch(() => undefined);
        return opened;
      };
    },
  });
}

/** The transaction seen by `client`; what is none is handed on as it is. */
function recordedTransaction(begun: unknown, history: History, client: string): unknown {
  if (typeof begun !== 'object' || begun === null || !('id' in begun)) return begun;
  const transaction = String(begun.id);
  return new Proxy(begun as Transaction, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function' || typeof name === 'symbol') return member;
      const operation = member.bind(target) as Operation;
      return (...args: unknown[]) => recordCall({ operation, name, args, transaction }, history, client);
    },
  });
}

function recordCall(call: CallToRecord, history: History, client: string): Promise<unknown> {
  const { operation, name, args, transaction } = call;
  if (history.isClosed) return rejection(new EnvironmentFault(`${name} after the end of the test`));
  if (history.calls.length >= CALLS_MAX) {
    const got = `no end after ${CALLS_MAX} calls, the latest of them ${name}`;
    return rejection(new Contradiction('repeating a call until nothing is left', { expected: 'an end', got }));
  }
  const facts = transaction === undefined ? factsOf(name, args) : factsOfTransaction(transaction, name, args);
  const whose = transaction === undefined ? '' : ` in transaction ${show(transaction)}`;
  const text = `${name}(${args.map(showArgument).join(', ')})${whose}`;
  const end = history.start({ client, text, facts: facts.asked });
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
    (error: unknown) => {
      const told = facts.refused?.(error);
      end({ outcome: outcomeOf(error), answer: `rejected: ${show(error)}`, ...(told && { facts: told }) });
    },
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
