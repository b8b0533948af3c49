/**
 * A broker that can do everything, on paper: it writes down how it is called and answers what a test says. So a test sees
 * what a wire carries without any broker that has a mind of its own.
 */
import type { Broker } from '../../../shared/contract/broker.ts';
import { CAPABILITIES, type Capability } from '../../../shared/contract/capabilities.ts';
import { LIMITS } from '../../../shared/contract/limits.ts';

/** What an operation was called with; signals are left out, since no wire carries them. */
export interface Heard {
  readonly operation: string;
  readonly args: readonly unknown[];
}

export interface ScriptedBroker {
  readonly broker: Broker;
  readonly heard: Heard[];
  /** Operation -> what it answers; undefined for the others. */
  readonly answers: Partial<Record<keyof Broker, unknown>>;
}

const OPERATIONS: readonly Exclude<keyof Broker, symbol>[] = [
  ...(['createTopic', 'deleteTopic', 'describeTopics', 'createGroup', 'deleteGroup', 'send', 'sendBatch'] as const),
  ...(['receive', 'ack', 'nack', 'extendLease', 'leave', 'browse', 'fetch', 'commit', 'committed', 'seek'] as const),
  ...(['pause', 'resume', 'redrive', 'dropDeadLetters', 'begin', 'subscribe', 'explain', 'inspect', 'close'] as const),
];

export function scriptedBroker(answers: ScriptedBroker['answers'] = {}): ScriptedBroker {
  const heard: Heard[] = [];
  const operations = OPERATIONS.map((operation) => [
    operation,
    async (...args: unknown[]) => {
      heard.push({ operation, args: args.map(withoutSignal) });
      const answer = answers[operation];
      if (answer instanceof Error) throw answer;
      return answer;
    },
  ]);
  const broker = {
    ...Object.fromEntries(operations),
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
