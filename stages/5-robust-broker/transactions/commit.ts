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
 *   - I27: readers see nothing of it before the markers of all its partitions are where readers may see them; then, in one
 *     turn, all of it. A topic that was deleted or is damaged, which shows nothing to anybody, keeps the others back no more
 *   - I7: carrying out twice is carrying out once: a topic remembers whose acks and positions it applied for as long as a
 *     start may ask it to again, and a second marker says the same as the first
 * Called by the coordinator, live and at a start.
 */
import { isMqError, MqError } from '../../../shared/contract/errors.ts';
import type { Partition } from '../../4-persisted-log/partition.ts';
import type { FoundTopics } from '../../4-persisted-log/settled-refs.ts';
import type { Topic } from '../../4-persisted-log/topic.ts';
import { rulesOf } from '../topic-rules.ts';
import type { DecidedAcks, Decision, DecisionLog } from './decision-log.ts';
import { markerBatch, type TransactionEpoch } from './marker.ts';
import type { OpenTransaction, TransactionPlace } from './open-transaction.ts';
import { groupIn, type TopicPlace, topicAt } from './topic-places.ts';
import type { TransactionIndex } from './transaction-index.ts';

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
}

/** Where something is kept from readers, and what wakes these. */
type Held = Map<TransactionIndex, () => void>;

/** Does it once, or until it succeeds. */
export type Doing = (work: () => Promise<void>) => Promise<void>;

export class Commit {
  readonly #options: CommitOptions;

  constructor(options: CommitOptions) {
    this.#options = options;
  }

  /**
   * Resolves to what is left to be carried out. `onDecided` is called when it is committed; a rejection before that leaves it
   * undecided, and in doubt when the disk may have the decision all the same.
   */
  async run(transaction: OpenTransaction, onDecided: () => void): Promise<Decision | undefined> {
    const live = await this.#livePlaces(transaction);
    const acks = acksOf(transaction);
    const positions = [...transaction.positions.values()];
    const [first] = live;
    if (acks.length === 0 && positions.length === 0 && live.length < 2) {
      if (first !== undefined) await this.#decideByMarker(transaction, first);
      onDecided();
      return undefined;
    }
    await Promise.all(live.map((one) => this.#makeSafe(transaction, one)));
    const { producerId, epoch } = transaction;
    const places = live.map(({ place: { topic, topicId, partition } }) => ({ topic, topicId, partition }));
    const decision: Decision = { producerId, epoch, places, acks, positions };
    const { decisions } = this.#options;
    transaction.doubt = () => decisions.sync();
    await decisions.decide(decision);
    onDecided();
    for (const { desk } of transaction.ackingGroups.values()) desk.transacted.commit(transaction.id);
    return decision;
  }

  /** Of a decision that is safe. Groups and markers at the same time, each for its own disk. */
  async carryOut(decision: Decision, doing: Doing): Promise<void> {
    const { places, acks, positions } = decision;
    const groupPlaces = new Map([...acks, ...positions].map((place) => [place.topicId, place] as const));
    const settled = await Promise.allSettled([
      ...groupPlaces.values().map((place) => doing(() => this.#settleGroups(decision, place))),
      this.#markAll(decision, places, doing),
    ]);
    throwWorst(reasonsOf(settled));
    this.#options.decisions.done(decision);
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
    transaction.doubt = () => log.sync();
    await live.topic.store(live.partition, markerBatch(transaction, 'committed'));
  }

  async #makeSafe(transaction: OpenTransaction, live: LivePlace): Promise<void> {
    if (this.#options.isSynced) await live.partition.log.sync();
    checkIsWhole(transaction, live);
  }

  /** Acks and positions of one topic, in memory at once, and then in its journal. */
  async #settleGroups(decision: Decision, place: TopicPlace): Promise<void> {
    const found = topicAt(this.#options.topics, place);
    const topic = found instanceof Promise ? await found : found;
    if (topic === undefined) return;
    this.#apply(decision, topic);
    await topic.journal.flushed();
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

  /** I27. Each partition has its marker as soon as its disk takes it; what was not shown when this is closed, a start shows. */
  async #markAll(decision: Decision, places: Decision['places'], doing: Doing): Promise<void> {
    const held: Held = new Map();
    const settled = await Promise.allSettled(
      places.map((place) => doing(() => this.#mark(decision, place, places.length > 1 ? held : undefined))),
    );
    const reasons = reasonsOf(settled);
    if (reasons.every(isDamage)) show(decision, held);
    throwWorst(reasons);
  }

  /** One that has no others to wait for is not held. */
  async #mark(decision: Decision, place: Decision['places'][number], held: Held | undefined): Promise<void> {
    const topic = await topicAt(this.#options.topics, place);
    if (topic === undefined) return;
    const partition = topic.partition(place.partition);
    const index = rulesOf(topic).places[place.partition]?.index;
    if (held !== undefined && index !== undefined) {
      index.hold(decision);
      held.set(index, () => topic.becameVisible(place.partition));
    }
    await topic.store(partition, markerBatch(decision, 'committed'));
  }
}

/** Who looks on when one of them wakes sees all of them. */
function show(decision: Decision, held: Held): void {
  for (const index of held.keys()) index.show(decision);
  for (const wakeReaders of held.values()) wakeReaders();
}

function reasonsOf(settled: readonly PromiseSettledResult<void>[]): unknown[] {
  return settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
}

/** What somebody has to mend may wait for that; anything else is told first. */
function throwWorst(reasons: readonly unknown[]): void {
  if (reasons.length > 0) throw reasons.find((reason) => !isDamage(reason)) ?? reasons[0];
}

/** Of a topic that somebody has to mend; no waiting helps. */
export function isDamage(error: unknown): error is MqError {
  return isMqError(error, 'MQ_CORRUPT') || isMqError(error, 'MQ_DATA_VERSION');
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
