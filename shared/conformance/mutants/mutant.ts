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
import { createSoundBroker } from './sound-broker.ts';

export interface Mutant {
  readonly name: string;
  /** What is wrong, as somebody who uses the broker sees it. One sentence. */
  readonly bug: string;
  /** The stage that was broken. */
  readonly stage: 1 | 2 | 3;
  /** The exact name of the test that must fail. */
  readonly killedBy: string;
  /** `onBug` is told each time broken code is called. */
  readonly createBroker: (options?: BrokerOptions, onBug?: () => void) => Promise<Broker>;
}

/** How a sound broker is broken. */
export interface Breakage extends Omit<Mutant, 'createBroker'> {
  /** The operations it does wrong; `sound` may be taken apart, its methods keep their `this`. */
  readonly instead?: (sound: Broker, options: BrokerOptions) => Partial<Broker>;
  /** What it makes of the options it was given: a wrong clock, a forgotten limit. */
  readonly given?: (options: BrokerOptions) => BrokerOptions;
}

/** The mutant of a breakage. */
export function broken({ instead, given, ...facts }: Breakage): Mutant {
  return {
    ...facts,
    createBroker: async (options = {}, onBug = () => undefined) => {
      if (given !== undefined) onBug();
      return createSoundBroker(facts.stage, given?.(options) ?? options, (sound) => {
        return overridden(sound, instead?.(overridden(sound, {}), options) ?? {}, onBug);
      });
    },
  };
}

/** Changes each delivery on its way to the receiver. */
export function changedDeliveries(sound: Broker, change: (delivery: Delivery) => Delivery): Partial<Broker> {
  return { receive: async (...args) => (await sound.receive(...args)).map(change) };
}

/** `sound` with some members replaced; every method may be called without its object. */
export function overridden(sound: Broker, members: Partial<Broker>, onCall: () => void = () => undefined): Broker {
  return new Proxy(sound, {
    get(target, name) {
      const isReplaced = Object.hasOwn(members, name);
      const member: unknown = isReplaced ? Reflect.get(members, name) : Reflect.get(target, name, target);
      if (isReplaced) onCall();
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}
