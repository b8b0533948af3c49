/**
 * A broker that can do everything, on paper: it writes down how it is called and answers what a test says. So a test sees
 * what a wire carries without any broker that has a mind of its own.
 */
import type { Broker } from '../../../shared/contract/broker.ts';
import { CAPABILITIES, type Capability } from '../../../shared/contract/capabilities.ts';
import { LIMITS } from '../../../shared/contract/limits.ts';
import type { Transaction } from '../../../shared/contract/transaction.ts';

/** What an operation was called with; signals are left out, since no wire carries them. */
export interface Heard {
  readonly operation: string;
  readonly args: readonly unknown[];
}

export interface ScriptedBroker {
  readonly broker: Broker;
  readonly heard: Heard[];
  /** Operation -> what it answers, or the error it rejects with; undefined for the others. */
  readonly answers: Partial<Record<keyof Broker | InTransaction, unknown>>;
}

/** Those that answer what stands in `answers`; `begin` and `findTransaction` answer a Transaction with that id. */
const OPERATIONS: readonly Exclude<keyof Broker, symbol>[] = [
  ...(['createTopic', 'deleteTopic', 'describeTopics', 'createGroup', 'deleteGroup', 'send', 'sendBatch'] as const),
  ...(['receive', 'ack', 'nack', 'extendLease', 'leave', 'browse', 'fetch', 'commit', 'committed', 'seek'] as const),
  ...(['pause', 'resume', 'redrive', 'dropDeadLetters', 'subscribe', 'explain', 'inspect', 'close'] as const),
  ...(['openProducer', 'sendHalf', 'endHalf', 'receiveHalfChecks', 'lookup', 'createTemporaryTopic'] as const),
];
const IN_TRANSACTION = ['send', 'sendBatch', 'ack', 'commitOffset', 'commit', 'abort'] as const;
/** How the operations of a transaction are written down, and where their answers stand. */
type InTransaction = `transaction.${(typeof IN_TRANSACTION)[number]}`;

export function scriptedBroker(answers: ScriptedBroker['answers'] = {}): ScriptedBroker {
  const heard: Heard[] = [];
  const hear = (operation: keyof Broker | InTransaction, args: unknown[]): unknown => {
    heard.push({ operation: String(operation), args: args.map(withoutSignal) });
    const answer = answers[operation];
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const listening = (operation: keyof Broker | InTransaction) => [
    String(operation).replace('transaction.', ''),
    async (...args: unknown[]) => hear(operation, args),
  ];
  const transactionOf = (id: string): Transaction => ({
    ...Object.fromEntries(IN_TRANSACTION.map((operation) => listening(`transaction.${operation}`))),
    id,
  });
  const broker = {
    ...Object.fromEntries(OPERATIONS.map(listening)),
    begin: async (...args: unknown[]) => transactionOf(String(hear('begin', args) ?? 'tx-1')),
    findTransaction: async (...args: unknown[]) => transactionOf(String(hear('findTransaction', args) ?? args[0])),
    name: 'scripted',
    capabilities: new Set(Object.keys(CAPABILITIES) as Capability[]),
    limits: LIMITS,
    [Symbol.asyncDispose]: async () => undefined,
  };
  return { broker: broker as Broker, heard, answers };
}

function withoutSignal(argument: unknown): unknown {
  if (typeof argument !== 'object' || argument === null || Array.isArray(argument)) return argument;
  return Object.fromEntries(
    Object.entries(argument).filter(([name, value]) => name !== 'signal' && value !== undefined),
  );
}
