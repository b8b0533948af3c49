/**
 * Commits a transaction: makes what it wrote safe, decides, and carries the decision out.
 *
 *     one partition, nothing else      [ records ][ marker: committed ]                       one fdatasync: it is the decision
 *     all others                       [ records ] of each, synced
 *                                      decision, synced                                       from here on it is committed
 *                                      acks and positions; [ marker: committed ] of each      again after a crash, until done
 *
 * Always true:
 *   - I5: nothing of it counts before the decision is as safe as the flush policy says, and all of it does after that
 *   - no decision is made of a transaction of which the disk lost something
 *   - I7: carrying out twice is carrying out once: a topic remembers whose acks and positions it applied for as long as a
 *     start may ask it to again, and a second marker says the same as the first
 * Called by the coordinator, live and at a start.
 */
import { MqError } from '../../../shared/contract/errors.ts';
import type { Partition } from '../../4-persisted-log/partition.ts';
import type { FoundTopics } from '../../4-persisted-log/settled-refs.ts';
import type { Topic } from '../../4-persisted-log/topic.ts';
import { rulesOf } from '../topic-rules.ts';
import type { DecidedAcks, Decision, DecisionLog } from './decision-log.ts';
import { markerBatch, type TransactionEpoch } from './marker.ts';
import type { OpenTransaction, TransactionPlace } from './open-transaction.ts';
import { groupIn, topicAt } from './topic-places.ts';

interface LivePlace {
  readonly place: TransactionPlace;
  readonly topic: Topic;
  readonly partition: Partition;
}

export interface CommitOptions {
  readonly topics: FoundTopics;
  readonly decisions: DecisionLog;
  /** Appends are answered when they are on the disk. */
  readonly isSynced: boolean;
  /** Does it again and again until it succeeds; rejects when the broker is closed. */
  readonly stubbornly: (work: () => Promise<void>) => Promise<void>;
  readonly onNotice: (text: string) => void;
}

export class Commit {
  readonly #options: CommitOptions;

  constructor(options: CommitOptions) {
    this.#options = options;
  }

  /**
   * Resolves when all of it holds. `onDecided` is called when it is committed; a rejection before that leaves it undecided.
   */
  async run(transaction: OpenTransaction, onDecided: () => void): Promise<void> {
    const live = await this.#livePlaces(transaction);
    const acks = acksOf(transaction);
    const positions = [...transaction.positions.values()];
    const [first] = live;
    if (acks.length === 0 && positions.length === 0 && live.length < 2) {
      if (first !== undefined) await this.#decideByMarker(transaction, first);
      onDecided();
      return;
    }
    await Promise.all(live.map((one) => this.#makeSafe(transaction, one)));
    const { producerId, epoch } = transaction;
    const places = live.map(({ place: { topic, topicId, partition } }) => ({ topic, topicId, partition }));
    const decision: Decision = { producerId, epoch, places, acks, positions };
    await this.#options.decisions.decide(decision);
    onDecided();
    for (const { desk } of transaction.ackingGroups.values()) desk.transacted.commit(transaction.id);
    await this.carryOut(decision);
  }

  /** Of a decision that is safe. */
  async carryOut(decision: Decision): Promise<void> {
    const { stubbornly, decisions } = this.#options;
    await stubbornly(() => this.#settleGroups(decision));
    await Promise.all(decision.places.map((place) => stubbornly(() => this.#mark(decision, place))));
    decisions.done(decision);
  }

  /** Partitions of topics that are still there. */
  async #livePlaces(transaction: OpenTransaction): Promise<readonly LivePlace[]> {
    const live: LivePlace[] = [];
    for (const place of transaction.places.values()) {
      const topic = await topicAt(this.#options.topics, place);
      if (topic !== undefined) live.push({ place, topic, partition: topic.partition(place.partition) });
    }
    return live;
  }

  /** The marker shares the fdatasync that makes the records safe. */
  async #decideByMarker(transaction: OpenTransaction, live: LivePlace): Promise<void> {
    const { log } = live.partition;
    // A log that is being opened again may yet find out what it lost; between this look and the marker nothing happens.
    while (!log.isWell) await log.sync();
    checkIsWhole(transaction, live);
    await live.topic.store(live.partition, markerBatch(transaction, 'committed'));
  }

  async #makeSafe(transaction: OpenTransaction, live: LivePlace): Promise<void> {
    if (this.#options.isSynced) await live.partition.log.sync();
    checkIsWhole(transaction, live);
  }

  /** Acks and positions, in memory at once, and then in the journals of their topics. */
  async #settleGroups(decision: Decision): Promise<void> {
    const concerned = new Map<string, Topic>();
    for (const place of [...decision.acks, ...decision.positions]) {
      const topic = concerned.get(place.topicId) ?? (await topicAt(this.#options.topics, place));
      if (topic !== undefined) concerned.set(place.topicId, topic);
    }
    for (const topic of concerned.values()) this.#apply(decision, topic);
    await Promise.all([...concerned.values()].map((topic) => topic.journal.flushed()));
  }

  #apply(decision: Decision, topic: Topic): void {
    const rules = rulesOf(topic);
    if (rules.hasApplied(decision)) return; // I7
    for (const { topicId, group, partition, runs } of decision.acks) {
      if (topicId !== topic.topicId) continue;
      const desk = groupIn(topic, group);
      for (const [from, count] of runs) desk?.transacted.finish(partition, { from, below: from + count });
    }
    for (const { topicId, group, partition, offset } of decision.positions) {
      if (topicId !== topic.topicId) continue;
      groupIn(topic, group)?.transacted.commitPosition(partition, offset);
    }
    const { producerId, epoch } = decision;
    topic.journal.record({ kind: 'transaction-applied', producerId, epoch });
    rules.noteApplied(decision);
  }

  async #mark(decision: Decision, place: Decision['places'][number]): Promise<void> {
    const topic = await topicAt(this.#options.topics, place);
    await topic?.store(topic.partition(place.partition), markerBatch(decision, 'committed'));
  }
}

/** What the deliveries are that it still holds. */
function acksOf(transaction: OpenTransaction): DecidedAcks[] {
  const acks: DecidedAcks[] = [];
  for (const { topic, desk } of transaction.ackingGroups.values()) {
    if (topic.groups.desks.get(desk.name) !== desk) continue; // its group was deleted
    for (const [partition, spans] of desk.transacted.heldBy(transaction.id)) {
      const runs = spans.map(({ from, below }) => [from, below - from] as const);
      const { name, topicId } = topic;
      if (runs.length > 0) acks.push({ topic: name, topicId, partition, group: desk.groupId, runs });
    }
  }
  return acks;
}

/** `MQ_STORAGE_FAILED` when the disk lost some of its records. */
function checkIsWhole(transaction: TransactionEpoch, { place, partition, topic }: LivePlace): void {
  for (const { from, below } of place.index.recordsOf(transaction)) {
    const lost = partition.log.findings.find(({ fromOffset, toOffset }) => fromOffset < below && toOffset > from);
    if (lost !== undefined) throw new LostError(topic.name, partition.partition);
  }
}

/** It cannot be committed any more. */
export class LostError extends MqError {
  constructor(topic: string, partition: number) {
    super('MQ_STORAGE_FAILED', `the disk lost records of the transaction in ${topic}/${partition}: it was aborted`);
  }
}
