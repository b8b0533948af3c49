/** What every stage's `createBroker` takes. A misspelt option is refused, never ignored. */
import type { Clock } from './clock.ts';
import type { TopicOptions } from './contract/description.ts';
import { LIMITS, type Limits } from './contract/limits.ts';
import { checkOptions, invalidArgument } from './contract/validation.ts';
import type { Random } from './random.ts';

export interface BrokerOptions {
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Source of what is random in ids and in lease tokens, each of its own. Default: unpredictable. */
  readonly random?: Random;
  /** True (default): `send` and `receive` create a topic that does not exist. */
  readonly autoCreateTopics?: boolean;
  /** Options of topics that are created without their own. */
  readonly topicDefaults?: TopicOptions;
  /** Overrides of single limits, each at least 1; tests use small ones. */
  readonly limits?: Partial<Limits>;
  /** Capability `groups`: when a silent member is forgotten. Default 30 s. */
  readonly memberTimeoutMs?: number;
}

/** The limits in force: `overrides` on top of StageMQ's own, each name and number checked. */
export function limitsWith(overrides: Partial<Limits> = {}): Limits {
  checkOptions('limits', overrides, Object.keys(LIMITS));
  for (const [name, value] of Object.entries(overrides)) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw invalidArgument(`limits.${name}`, 'a whole number from 1', value);
  }
  return Object.freeze({ ...LIMITS, ...overrides });
}
