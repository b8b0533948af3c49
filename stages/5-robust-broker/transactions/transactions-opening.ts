/**
 * The transactions of a broker that is being opened: topics come first, and already ask which transactions are open; then the
 * decisions of before, and what they and the partitions say of transactions that a crash left behind.
 *
 *     const transacting = new TransactionsOpening(clock);
 *     const parts = await openParts({ ..., newTopicRules, closeOthers: transacting.close });
 *     const transactions = await transacting.open(parts, { ... });
 *
 * Always true: when `open` has resolved every transaction of an earlier life is committed everywhere or aborted everywhere.
 * Only the composition of the broker uses it.
 */
import { join } from 'node:path';
import type { Clock } from '../../../shared/clock.ts';
import { isMqError } from '../../../shared/contract/errors.ts';
import type { BrokerParts } from '../../4-persisted-log/broker-parts.ts';
import type { Topic } from '../../4-persisted-log/topic.ts';
import { rulesOf } from '../topic-rules.ts';
import { Coordinator, type CoordinatorOptions } from './coordinator.ts';
import { type DecidedPlace, type Decision, DecisionLog } from './decision-log.ts';
import { nameOf, type TransactionEpoch } from './marker.ts';
import { topicAt } from './topic-places.ts';
import { TransactionCalls } from './transaction-calls.ts';
import { openTransactionIds } from './transaction-ids.ts';
import { TransactionTable } from './transaction-table.ts';

/** In the data folder. */
export const DECISIONS_FOLDER = 'transactions';

export interface OpenTransactionsOptions {
  readonly dataFolder: string;
  /** An id that no producer ever had. */
  readonly newProducerId: () => Promise<number>;
  /** Told of each that ended, and why. */
  readonly onEnded: CoordinatorOptions['onEnded'];
}

/** A transaction with records and without a marker. */
interface LeftBehind {
  readonly transaction: TransactionEpoch;
  readonly place: DecidedPlace;
}

export class TransactionsOpening {
  readonly table: TransactionTable;
  #coordinator: Coordinator | undefined;

  constructor(clock: Clock) {
    this.table = new TransactionTable(clock);
  }

  /** Before the topics. Resolves when everything is on the disk and closed. */
  readonly close = async (): Promise<void> => {
    await this.#coordinator?.close();
  };

  /** The topics are open, and nobody uses them yet. */
  async open(
    parts: BrokerParts,
    { dataFolder, newProducerId, onEnded }: OpenTransactionsOptions,
  ): Promise<TransactionCalls> {
    const { settings, topics, clock, limits } = parts;
    const { outcomes } = this.table;
    const folder = join(dataFolder, DECISIONS_FOLDER);
    await settings.disk.makeFolder(folder);
    this.table.ids = await openTransactionIds(settings, folder);
    const decisions = await DecisionLog.open({
      settings,
      folder,
      onCommitted: (transaction) => outcomes.remember(transaction, 'committed'),
      onForgotten: (decision) => void forgetApplied(parts, decision),
    });
    const { flushPolicy, onNotice } = settings;
    const { table } = this;
    const own = { table, topics, decisions, clock, limits, flushPolicy, newProducerId, onNotice, onEnded };
    const coordinator = new Coordinator(own);
    this.#coordinator = coordinator;
    await coordinator.recover(this.#lookThrough(await topics.all(), decisions.undone));
    return new TransactionCalls({ clock, rules: parts, storing: parts, coordinator });
  }

  /** What partitions know of how transactions ended, and which did not. */
  #lookThrough(topics: readonly Topic[], undone: readonly Decision[]): LeftBehind[] {
    const needed = new Set(undone.map(nameOf));
    const left: LeftBehind[] = [];
    for (const topic of topics) {
      const rules = rulesOf(topic);
      rules.keepApplied((transaction) => needed.has(nameOf(transaction)));
      for (const { index, ...place } of rules.places) {
        for (const marker of index.markers) this.table.outcomes.remember(marker, marker.outcome);
        for (const transaction of index.open) left.push({ transaction, place });
      }
    }
    return left;
  }
}

/** The topics do not have to remember any more that they applied it. */
async function forgetApplied({ topics, settings }: BrokerParts, decision: Decision): Promise<void> {
  for (const place of [...decision.acks, ...decision.positions]) {
    try {
      const topic = await topicAt(topics, place);
      if (topic !== undefined) rulesOf(topic).forgetApplied(decision);
    } catch (error) {
      if (!isMqError(error)) settings.onNotice(`a transaction is remembered for too long: ${String(error)}`);
    }
  }
}
