/**
 * A mutant: a broker of ours with one bug put in on purpose, and the one test of the suite that must notice it.
 *
 *     test --> [ operations it does wrong ] --> sound broker of a stage
 *
 * Always true: everything a mutant does not break, the sound broker does, so when the test that `killedBy` names passes
 * on the sound broker and fails on the mutant, the bug is the reason. `shared/conformance/mutants.test.ts` runs them.
 */
import type { BrokerOptions } from '../../broker-options.ts';
import type { Broker } from '../../contract/broker.ts';
import type { Delivery } from '../../contract/message.ts';
import type { BeginOptions, Transaction } from '../../contract/transaction.ts';
import type { ConformanceOptions, CreateBroker } from '../conformance-test.ts';
import { type Circumstances, type SoundStage, soundTarget } from './sound-broker.ts';

/** The part of a target that makes its brokers. */
export interface MutantTarget {
  readonly createBroker: CreateBroker;
  readonly restartBroker?: ConformanceOptions['restartBroker'];
}

export interface Mutant {
  readonly name: string;
  /** What is wrong, as somebody who uses the broker sees it. One sentence. */
  readonly bug: string;
  /** The stage that was broken. */
  readonly stage: SoundStage;
  /** The exact name of the test that must fail. */
  readonly killedBy: string;
  /** `onBug` is told each time broken code is called. */
  readonly target: (onBug: () => void) => MutantTarget;
}

/** How a sound broker is broken. */
export interface Breakage extends Omit<Mutant, 'target'> {
  /** The operations it does wrong; `sound` may be taken apart, its methods keep their `this`. */
  readonly instead?: (sound: Broker, options: BrokerOptions, circumstances: Circumstances) => Partial<Broker>;
  /** What it makes of the options it was given: a wrong clock, a forgotten limit. */
  readonly given?: (options: BrokerOptions, circumstances: Circumstances) => BrokerOptions;
  /** What it does to itself when it starts again. */
  readonly afterRestart?: (sound: Broker, circumstances: Circumstances) => Promise<unknown>;
}

/** The mutant of a breakage. */
export function broken({ instead, given, afterRestart, ...facts }: Breakage): Mutant {
  const target = (onBug: () => void): MutantTarget =>
    soundTarget(facts.stage, {
      given: (options, circumstances) => {
        if (given !== undefined) onBug();
        return given?.(options, circumstances) ?? options;
      },
      change: async (sound, options, circumstances) => {
        if (afterRestart !== undefined && circumstances.isRestarted) {
          onBug();
          await afterRestart(overridden(sound, {}), circumstances);
        }
        const members = instead?.(overridden(sound, {}), options, circumstances);
        return overridden(sound, members ?? {}, onBug);
      },
    });
  return { ...facts, target };
}

/** Does some calls of every transaction wrongly; `sound` is the transaction, and may be taken apart. */
export function changedTransactions(
  { begin, findTransaction }: Broker,
  instead: (sound: Transaction, options: BeginOptions) => Partial<Transaction>,
): Partial<Broker> {
  const changed = (transaction: Transaction, options: BeginOptions = {}): Transaction =>
    overridden(transaction, instead(overridden(transaction, {}), options));
  return {
    begin: async (options) => changed(await begin(options), options),
    findTransaction: async (id) => changed(await findTransaction(id)),
  };
}

/** Changes each delivery on its way to the receiver. */
export function changedDeliveries(sound: Broker, change: (delivery: Delivery) => Delivery): Partial<Broker> {
  return { receive: async (...args) => (await sound.receive(...args)).map(change) };
}

/** Receipts have offsets of their own, counted from 0 since this broker began. */
export function receiptsCountedFromZero({ send }: Broker): Partial<Broker> {
  let offset = -1;
  return {
    send: async (...args) => {
      offset += 1;
      return { ...(await send(...args)), offset };
    },
  };
}

/** `sound` with some members replaced; every method may be called without its object. */
export function overridden<Subject extends object>(
  sound: Subject,
  members: Partial<Subject>,
  onCall: () => void = () => undefined,
): Subject {
  return new Proxy(sound, {
    get(target, name) {
      const isReplaced = Object.hasOwn(members, name);
      const member: unknown = isReplaced ? Reflect.get(members, name) : Reflect.get(target, name, target);
      if (isReplaced) onCall();
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}
