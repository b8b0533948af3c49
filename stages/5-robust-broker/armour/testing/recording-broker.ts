/** A Broker that does nothing but note what it was asked: for tests of views, which must not ask what they refuse. */
import type { Broker } from '../../../../shared/contract/broker.ts';
import { capabilitiesOfStage } from '../../../../shared/contract/capabilities.ts';
import { LIMITS } from '../../../../shared/contract/limits.ts';
import type { Transaction } from '../../../../shared/contract/transaction.ts';
import { OPERATIONS } from '../broker-view.ts';

export interface Asked {
  readonly operation: string;
  readonly args: readonly unknown[];
}

/** Answers each operation with what `answers` has for it, else with nothing. */
export function recordingBroker(answers: Readonly<Record<string, unknown>> = {}): {
  readonly broker: Broker;
  readonly asked: Asked[];
} {
  const asked: Asked[] = [];
  const recorded =
    (operation: string): unknown =>
    (...args: readonly unknown[]): unknown => {
      asked.push({ operation, args });
      const answer = answers[operation];
      return operation === 'metrics' || operation === 'health' ? answer : Promise.resolve(answer);
    };
  const operations = Object.fromEntries(OPERATIONS.map((operation) => [operation, recorded(operation)]));
  const facts = { name: 'recording', capabilities: capabilitiesOfStage(5), limits: LIMITS };
  return { broker: { ...facts, ...operations } as unknown as Broker, asked };
}

/** A Transaction that notes what it was asked, in the same list. */
export function recordingTransaction(id: string, asked: Asked[]): Transaction {
  const recorded =
    (operation: string): unknown =>
    (...args: readonly unknown[]): Promise<void> => {
      asked.push({ operation: `transaction.${operation}`, args });
      return Promise.resolve();
    };
  const names = ['send', 'sendBatch', 'ack', 'commitOffset', 'commit', 'abort'];
  return { id, ...Object.fromEntries(names.map((name) => [name, recorded(name)])) } as unknown as Transaction;
}
