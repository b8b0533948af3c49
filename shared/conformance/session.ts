/**
 * One target under test: opened once, asked for its capabilities, then any number of tests, each with one verdict.
 *
 *     open --> run(test) --> applicable? --no--> notYet | optionOff
 *                                 | yes
 *                                 v
 *                            test.run(context) --> passed | failed + story | couldNotTest
 *
 * Always true: `run` never rejects, and leaves nothing behind that it could take away. Used by `runConformance` and by
 * the registration with node:test.
 */
import { randomInt } from 'node:crypto';
import type { Broker } from '../contract/broker.ts';
import { CAPABILITIES, type Capability } from '../contract/capabilities.ts';
import { SeededRandom, SystemRandom } from '../random.ts';
import type { ConformanceTarget, ConformanceTest, Need } from './conformance-test.ts';
import { describeCall } from './history.ts';
import { show } from './show.ts';
import { TestContext } from './test-context.ts';
import { Contradiction, EnvironmentFault, type FailureStory, isEnvironmentFault, type TestResult } from './verdict.ts';
import { witnessesOf } from './witnesses.ts';

const TEST_MS_MAX = 20_000;

/** What a request-response door cannot carry, whatever the broker behind it can do. */
const PUSHED_BY_BROKER: ReadonlySet<Capability> = new Set<Capability>(['push', 'raw-batches']);

type Outcome = Pick<TestResult, 'verdict' | 'reason' | 'story'>;

export class Session {
  readonly seed: number;
  readonly #target: ConformanceTarget;
  readonly #namePrefix: string;
  /** Set by `open`; a broker that could not be opened makes every test *could not test*. */
  #fault: string | null = 'the target was not opened';
  #capabilities: ReadonlySet<Capability> = new Set();
  #shared: Broker | null = null;

  constructor(target: ConformanceTarget) {
    this.#target = target;
    this.seed = target.seed ?? randomInt(2 ** 31);
    this.#namePrefix = `conformance-${new SystemRandom().hex(4)}`;
  }

  /** Asks the target what it can do. Never rejects: what goes wrong becomes every test's reason. */
  async open(): Promise<void> {
    try {
      const broker = await withDeadline(this.#target.createBroker(), 'createBroker', this.#testMsMax);
      this.#capabilities = new Set(broker.capabilities);
      this.#fault = null;
      if (this.#target.clock === 'real') this.#shared = broker;
      else await withDeadline(broker.close(), 'close', this.#testMsMax);
    } catch (error) {
      this.#fault = `the target could not be opened: ${show(error)}`;
    }
  }

  /** By now every verdict is given, so a target that cannot close changes none: the tests of closing judge that. */
  async close(): Promise<void> {
    if (this.#shared === null) return;
    await withDeadline(this.#shared.close({ timeoutMs: 0 }), 'close', this.#testMsMax).catch(() => undefined);
  }

  /** The verdict on one test. */
  async run(test: ConformanceTest): Promise<TestResult> {
    const { name, capability } = test;
    const outcome = this.#notApplicable(test) ?? (await this.#runApplicable(test));
    const result: TestResult = { name, capability, ...outcome };
    this.#tell(result);
    return result;
  }

  /** Who listens changes no verdict, so what goes wrong with a listener does not either. */
  #tell(result: TestResult): void {
    try {
      this.#target.onResult?.(result);
    } catch {
      // The result is in the report all the same.
    }
  }

  #notApplicable(test: ConformanceTest): Outcome | null {
    if (this.#fault !== null) return { verdict: 'couldNotTest', reason: this.#fault };
    for (const capability of [test.capability, ...(test.uses ?? [])]) {
      if (!this.#capabilities.has(capability)) return this.#lacking(capability);
    }
    for (const need of test.needs ?? []) {
      const reason = this.#cannot(need);
      if (reason !== null) return { verdict: 'optionOff', reason };
    }
    return null;
  }

  #lacking(capability: Capability): Outcome {
    const stage = CAPABILITIES[capability];
    const isDoors = PUSHED_BY_BROKER.has(capability) && this.#capabilities.has('durable');
    if (isDoors || this.#target.doorLacks?.includes(capability)) {
      return { verdict: 'optionOff', reason: `capability "${capability}": this target's door cannot carry it` };
    }
    return { verdict: 'notYet', reason: `not yet (stage ${stage}): needs the capability "${capability}"` };
  }

  #cannot(need: Need): string | null {
    const { clock, isConfigurable, restartBroker } = this.#target;
    if (need === 'virtual-clock' && clock === 'real') return 'needs a virtual clock: this target runs on a real one';
    if (need === 'broker-options' && isConfigurable === false) return 'needs broker options: this target takes none';
    if (need === 'restart' && restartBroker === undefined) return 'needs a restart: this target cannot be restarted';
    return null;
  }

  async #runApplicable(test: ConformanceTest): Promise<Outcome> {
    const context = new TestContext({
      target: this.#target,
      // Who stops a broker needs one of its own.
      shared: test.needs?.includes('restart') ? null : this.#shared,
      seed: seedOf(this.seed, test.name),
      namePrefix: this.#namePrefix,
    });
    const body = async (): Promise<void> => {
      await context.open();
      await test.run(context);
    };
    try {
      await withDeadline(body(), 'the test', this.#testMsMax);
    } catch (error) {
      const outcome = this.#failure(test, error, context);
      // What cannot be cleaned up after a failure is most likely its consequence; the failure is what must be told.
      await context.cleanUp().catch(() => undefined);
      return outcome;
    }
    try {
      await withDeadline(context.cleanUp(), 'cleaning up', this.#testMsMax);
    } catch (error) {
      return { verdict: 'couldNotTest', reason: `the test passed, but cleaning up after it failed: ${show(error)}` };
    }
    return { verdict: 'passed' };
  }

  #failure(test: ConformanceTest, error: unknown, context: TestContext): Outcome {
    if (isEnvironmentFault(error)) return { verdict: 'couldNotTest', reason: show(error) };
    const reason = error instanceof Error ? error.message : show(error);
    const broken = error instanceof Contradiction ? error : null;
    const named = broken?.operations ?? [];
    const story: FailureStory = {
      sentence: test.name,
      operations: named.length > 0 ? named : witnessesOf(context.history, broken?.difference).map(describeCall),
      expected: broken?.expected ?? 'no error',
      got: broken?.got ?? show(error),
      seed: this.seed,
      replay: `mq test ${this.#target.name} --seed ${this.seed} --only ${JSON.stringify(test.name)}`,
    };
    return { verdict: 'failed', reason, story };
  }

  get #testMsMax(): number {
    return this.#target.testMsMax ?? TEST_MS_MAX;
  }
}

/** Each test has a seed of its own, so that it runs the same alone and among all the others. */
function seedOf(seed: number, name: string): number {
  let mixed = seed >>> 0;
  for (const character of name) mixed = Math.imul(mixed ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return new SeededRandom(mixed).below(2 ** 31);
}

/** A call that does not end is a fault of the environment: nobody knows what the broker would have answered. */
async function withDeadline<T>(call: Promise<T>, what: string, msMax: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const hang = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new EnvironmentFault(`${what} hangs: no end after ${msMax} ms`)), msMax);
  });
  try {
    return await Promise.race([call, hang]);
  } finally {
    clearTimeout(timer);
  }
}
