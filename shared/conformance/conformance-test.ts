/**
 * A test of the suite is data: a sentence of the specification, the capability it belongs to, and what a target must
 * offer so that it can be asked. And the target: a factory of brokers, and what the factory can do.
 */
import type { BrokerOptions } from '../broker-options.ts';
import type { Broker } from '../contract/broker.ts';
import type { Capability } from '../contract/capabilities.ts';
import type { TestContext } from './test-context.ts';
import type { TestResult } from './verdict.ts';

/**
 * What only some targets offer; without it a test is *option off*.
 *
 *     broker-options   the factory passes `BrokerOptions` on (a bare url does not)
 *     virtual-clock    the test moves the broker's clock, and broker and test are one process
 *     restart          the factory can stop a broker and start it again on the same data
 */
export type Need = 'broker-options' | 'virtual-clock' | 'restart';

/** One test of the suite: its sentence, the capability that promises it, and what it needs. */
export interface ConformanceTest {
  /** A sentence of the specification. Unique in the suite. */
  readonly name: string;
  /** The capability that promises it. */
  readonly capability: Capability;
  /** Capabilities it uses besides. */
  readonly uses?: readonly Capability[];
  readonly needs?: readonly Need[];
  run(context: TestContext): Promise<void>;
}

/** Tests about one thing, in the order in which docs/guarantees.md lists them. */
export interface Subject {
  readonly title: string;
  readonly tests: readonly ConformanceTest[];
}

/** Makes the broker under test; called once or for every test, as `ConformanceOptions` says. */
export type CreateBroker = (options?: BrokerOptions) => Promise<Broker>;

/** How a target is to be tested; capabilities and limits are asked from the broker itself. */
export interface ConformanceOptions {
  /** `virtual`: the factory takes a `clock`, and every test has a broker of its own. `real`: tests really wait. */
  readonly clock: 'virtual' | 'real';
  /** The stage it is; adds the test that it has every capability of its stage. */
  readonly stage?: number;
  /** Capabilities of its stage that its door cannot carry. */
  readonly doorLacks?: readonly Capability[];
  /** False for a bare url: the factory ignores `BrokerOptions`. Default true. */
  readonly isConfigurable?: boolean;
  /** Stops `broker`, as a crash does, and resolves to one that runs on the same data. */
  readonly restartBroker?: (broker: Broker, options: BrokerOptions) => Promise<Broker>;
  /** Repeats a run. Default: a new one each time, printed in the report. */
  readonly seed?: number;
  /** Only the test of this name, or those whose names contain it. */
  readonly only?: string;
  /** How long one test may take before it counts as hanging. Default 20 s. */
  readonly testMsMax?: number;
}

/** What `runConformance` takes: the options of a run, and what it is run on. */
export interface ConformanceTarget extends ConformanceOptions {
  /** As a replay command names it: a stage number, a url or the name of a broker. */
  readonly name: string;
  readonly createBroker: CreateBroker;
  /** Called after each test, in the order in which they end; what it throws is ignored. */
  readonly onResult?: (result: TestResult) => void;
}
