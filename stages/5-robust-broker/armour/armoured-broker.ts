/**
 * The parts of the armour that belong to the broker itself, whoever calls it: water marks of memory, and what becomes of
 * groups that do not keep up.
 *
 * Always true: what is not asked for is not there, and the broker is then the very one that was given; closing what this
 * makes closes the broker. The composition of the stage calls it.
 */
import type { Clock } from '../../../shared/clock.ts';
import type { Broker, CloseOptions } from '../../../shared/contract/broker.ts';
import type { Metric } from '../../../shared/contract/metrics.ts';
import { checkChoice, checkInteger, checkOptions, invalidArgument } from '../../../shared/contract/validation.ts';
import { CHANNELS, type Source } from '../observe/channels.ts';
import { ownedView, viewOf } from './broker-view.ts';
import { GuardedBroker } from './guarded-broker.ts';
import { MemoryMark } from './memory-mark.ts';
import { collectGarbage, heldBytes } from './process-memory.ts';
import { SLOW_POLICIES, type SlowConsumerRule, SlowConsumers, type SlowGroup } from './slow-consumers.ts';
import { scopeFault } from './topic-scope.ts';

/** What `createBroker` of stage 5 takes about its own protection; `MQ_INVALID_ARGUMENT` for what is misspelt. */
export interface ArmourOptions {
  /** With more memory in use sends wait, until `lowBytes` (default: four fifths of it). Left out: they never do. */
  readonly memory?: MemoryOptions;
  /** What becomes of groups that do not keep up. Default: nothing, they hold their senders up when the topic is full. */
  readonly slowConsumers?: readonly SlowConsumerRule[];
}

/** Water marks: with more than `highBytes` in use sends wait, with less than `lowBytes` they go on. */
export interface MemoryOptions {
  readonly highBytes: number;
  readonly lowBytes?: number;
  /** Bytes in use. Default: those of this process. */
  readonly gauge?: () => number;
  /** Takes garbage away. Default: that of this process, where `gauge` is not given. */
  readonly collect?: () => void;
}

/** What the armour tells of itself, for whoever observes the broker. */
export interface ArmourReport {
  readonly metrics: () => readonly Metric[];
  readonly memoryShortage: () => string | undefined;
}

export interface ArmouringOptions {
  readonly clock: Clock;
  /** Which broker's events these are. */
  readonly source: Source;
  readonly include: (report: ArmourReport) => void;
}

/** Splits them from the rest, which others check. */
export function takeArmourOptions<Options extends ArmourOptions>({
  memory,
  slowConsumers,
  ...rest
}: Options): { readonly armour: ArmourOptions; readonly rest: Omit<Options, keyof ArmourOptions> } {
  const rules = slowConsumers === undefined ? undefined : checkSlowConsumers('options.slowConsumers', slowConsumers);
  if (memory !== undefined) checkMemory('options.memory', memory);
  return { armour: { ...(memory && { memory }), ...(rules && { slowConsumers: rules }) }, rest };
}

export function armourBroker(broker: Broker, armour: ArmourOptions, options: ArmouringOptions): Broker {
  const { memory, slowConsumers = [] } = armour;
  if (memory === undefined && slowConsumers.length === 0) return broker;
  const measuring =
    memory?.gauge === undefined ? { gauge: heldBytes, collect: collectGarbage } : { gauge: memory.gauge };
  const mark = memory && new MemoryMark({ ...measuring, ...memory, ...telling(options) });
  const guard = mark && new GuardedBroker(broker, { mark, clock: options.clock });
  const slow =
    slowConsumers.length === 0
      ? undefined
      : new SlowConsumers({ broker, rules: slowConsumers, onDefect: warn, ...telling(options) });
  options.include({
    metrics: () => [...(mark?.metrics() ?? []), ...(slow?.metrics() ?? [])],
    memoryShortage: () => mark?.memoryShortage(),
  });
  const close = async (closing?: CloseOptions): Promise<void> => {
    guard?.close();
    await slow?.close();
    await broker.close(closing);
  };
  return ownedView(guard?.view ?? viewOf(broker, {}), close);
}

/** What happens is said on the channels of the broker. */
function telling({ clock, source }: ArmouringOptions) {
  const said = () => ({ source, at: clock.now() });
  return {
    clock,
    onChange: (isOn: boolean): void => CHANNELS.flowControl.publish({ ...said(), isOn, why: 'memory' }),
    onSlow: ({ topic, group, memberIds, policy }: SlowGroup): void => {
      const memberId = memberIds.join(' ');
      CHANNELS.slowConsumer.publish({ ...said(), topic, group, memberId, action: policy });
    },
  };
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : new Error(String(error)));
}

export function checkSlowConsumers(path: string, rules: unknown): readonly SlowConsumerRule[] {
  if (!Array.isArray(rules)) throw invalidArgument(path, 'a list');
  return rules.map((rule: unknown, index) => {
    const at = `${path}[${index}]`;
    checkOptions(at, rule ?? null, ['topics', 'availableMax', 'policy']);
    const { topics, availableMax, policy } = rule as Partial<SlowConsumerRule>;
    const fault = scopeFault(topics);
    if (fault !== undefined) throw invalidArgument(`${at}.topics`, fault, topics);
    if (availableMax === undefined) throw invalidArgument(`${at}.availableMax`, 'given');
    const range = { min: 1, max: Number.MAX_SAFE_INTEGER, fallback: 1 };
    return {
      topics: topics as string,
      availableMax: checkInteger(`${at}.availableMax`, availableMax, range),
      policy: checkChoice(`${at}.policy`, policy, SLOW_POLICIES, 'block'),
    };
  });
}

function checkMemory(path: string, memory: MemoryOptions): void {
  checkOptions(path, memory, ['highBytes', 'lowBytes', 'gauge', 'collect']);
  const { highBytes, lowBytes, gauge, collect } = memory;
  if (highBytes === undefined) throw invalidArgument(`${path}.highBytes`, 'given');
  checkInteger(`${path}.highBytes`, highBytes, { min: 1, max: Number.MAX_SAFE_INTEGER, fallback: 1 });
  checkInteger(`${path}.lowBytes`, lowBytes, { min: 1, max: highBytes, fallback: 1 });
  for (const [name, value] of Object.entries({ gauge, collect })) {
    if (value !== undefined && typeof value !== 'function')
      throw invalidArgument(`${path}.${name}`, 'a function', value);
  }
}
