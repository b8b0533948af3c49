/**
 * What the broker of this stage is made of: the parts of stage 4, and beside them what makes it robust.
 *
 * Always true: a capability is in the set exactly when its part is here; what was opened is closed when opening fails.
 */
import { limitsWith } from '../../shared/broker-options.ts';
import { checkClock } from '../../shared/clock.ts';
import { type Capability, capabilitiesOfStage } from '../../shared/contract/capabilities.ts';
import { closedError } from '../1-blocking-queue/topic-refusals.ts';
import { type BrokerParts, type OpenPartsOptions, openParts } from '../4-persisted-log/broker-parts.ts';
import type { Observer } from '../4-persisted-log/observer.ts';
import type { NewTopicRules } from '../4-persisted-log/record-rules.ts';
import { type Filtering, FilterOpening } from './filters/filtering.ts';
import type { CheckSchedule } from './half/half.ts';
import type { HalfMessages } from './half/half-messages.ts';
import { HalfOpening } from './half/half-opening.ts';
import { type Observation, openTransactions } from './observe/observation.ts';
import type { ProducerIds } from './producers/producer-ids.ts';
import { ProducersOpening } from './producers/producers-opening.ts';
import { RobustTopicRules } from './topic-rules.ts';
import type { TransactionCalls } from './transactions/transaction-calls.ts';
import { TransactionsOpening } from './transactions/transactions-opening.ts';

/** What of this stage may lie in a data folder. */
const FEATURES: readonly string[] = ['transactions', 'producers', 'half-messages', 'filters'];
/** Those of this stage that are there. */
const OWN_CAPABILITIES: readonly Capability[] = ['transactions', 'idempotence', 'dedup', 'half-message', 'filters'];

export interface RobustParts extends BrokerParts {
  readonly producers: ProducerIds;
  readonly transactions: TransactionCalls;
  readonly halves: HalfMessages;
  readonly filtering: Filtering;
  readonly observation: Observation;
}

export interface OpenRobustPartsOptions extends OpenPartsOptions {
  /** How producers of half messages are asked that stay silent. */
  readonly halfCheck: CheckSchedule;
  /** A producer that sends nothing to a partition for so long is forgotten there. */
  readonly producerTimeoutMs: number;
  readonly observation: Observation;
}

export async function openRobustParts(options: OpenRobustPartsOptions): Promise<RobustParts> {
  const { base, own, observation, halfCheck: schedule, dataFolder, producerTimeoutMs } = options;
  const capabilities = new Set([...capabilitiesOfStage(4), ...OWN_CAPABILITIES]);
  const filters = new FilterOpening(limitsWith(base.limits));
  const { matcherOf } = filters;
  const newObserver = (next: Observer): Observer => filters.newObserver(observation.newObserver(next));
  const half = new HalfOpening();
  const producing = new ProducersOpening();
  const { reservedIn, onHalfMoved } = half;
  const clock = checkClock('options.clock', base.clock);
  const transacting = new TransactionsOpening(clock);
  const ruling = { clock, limits: limitsWith(base.limits), flushPolicy: own.flushPolicy, producerTimeoutMs };
  const newTopicRules: NewTopicRules = (topic) =>
    new RobustTopicRules(topic, { ...ruling, checkProducer: producing.check, transactions: transacting.table });
  const closeOthers = async (): Promise<void> => {
    await half.close().finally(transacting.close).finally(producing.close);
  };
  const seams = {
    capabilities,
    features: FEATURES,
    newObserver,
    newTopicRules,
    matcherOf,
    reservedIn,
    onHalfMoved,
    closeOthers,
  };
  const parts = await openParts({ ...options, base: { ...base, clock }, ...seams });
  try {
    const producers = await producing.open(parts, dataFolder);
    const newProducerId = async (): Promise<number> => (await producers.open()).producerId;
    const onEnded = observation.noteTransaction;
    const transactions = await transacting.open(parts, { dataFolder, newProducerId, onEnded });
    const halves = await half.open(parts, { dataFolder, schedule });
    const filtering = await filters.open(parts);
    observation.include(openTransactions(transacting.table));
    await observation.open(parts);
    const close: BrokerParts['close'] = async (error) => {
      observation.close();
      halves.end();
      filtering.end();
      transactions.end();
      await parts.close(error);
    };
    return { ...parts, producers, transactions, halves, filtering, observation, close };
  } catch (error) {
    await parts.close(closedError()).catch(() => undefined); // why it cannot be opened says more
    throw error;
  }
}
