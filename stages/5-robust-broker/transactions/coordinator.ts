/**
 * Begins and ends transactions, and says what became of them.
 *
 *     begin --> open --commit--> Commit: decided and carried out
 *                 |
 *                 +--abort, time-out, a newer owner of its name, the end of the broker--> markers: aborted
 *     start --> what was decided is carried out, all others that left records are aborted
 *
 * Always true:
 *   - I6, presumed abort: only decisions are written down, so a transaction without one was aborted, whatever crashed when
 *   - a transaction ends once; its outcome never changes, and is remembered for a while
 *   - at most `limits.transactionsCountMax` are not over
 * Made by the composition; the calls of the contract and the rules of partitions use it.
 */
import type { Clock, Timer } from '../../../shared/clock.ts';
import { isMqError, MqError } from '../../../shared/contract/errors.ts';
import type { Limits } from '../../../shared/contract/limits.ts';
import { EPOCH_MAX } from '../../../shared/contract/producer.ts';
import type { TransactionOutcome } from '../../../shared/contract/transaction.ts';
import type { FlushPolicy } from '../../4-persisted-log/log/log.ts';
import type { FoundTopics } from '../../4-persisted-log/settled-refs.ts';
import type { EndedTransaction, EndReason } from '../observe/channels.ts';
import { Commit, isDamage, LostError } from './commit.ts';
import type { DecidedPlace, Decision, DecisionLog } from './decision-log.ts';
import { markerBatch, nameOf, type TransactionEpoch } from './marker.ts';
import { OpenTransaction } from './open-transaction.ts';
import { closedError, Patience, RETRY_MS } from './patience.ts';
import { topicAt } from './topic-places.ts';
import type { TransactionTable } from './transaction-table.ts';

export interface CoordinatorOptions {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly flushPolicy: FlushPolicy;
  readonly table: TransactionTable;
  readonly topics: FoundTopics;
  readonly decisions: DecisionLog;
  /** An id that no producer ever had. */
  readonly newProducerId: () => Promise<number>;
  /** What goes wrong while nobody waits. */
  readonly onNotice: (text: string) => void;
  /** Told of each that ended, and why. */
  readonly onEnded: (ended: EndedTransaction) => void;
}

export interface BeginWant {
  readonly transactionalId: string | undefined;
  readonly timeoutMs: number;
}

export class Coordinator {
  readonly table: TransactionTable;
  readonly #options: CoordinatorOptions;
  readonly #commit: Commit;
  readonly #timers = new Map<OpenTransaction, Timer>();
  /** The last that was given, */
  #last: TransactionEpoch | undefined;
  /** and what a new id waits for. */
  #renewing: Promise<void> | undefined;
  /** Begins that are under way. */
  #beginningCount = 0;
  #isClosed = false;
  readonly #patience: Patience;

  constructor(options: CoordinatorOptions) {
    const { topics, decisions, flushPolicy } = options;
    this.table = options.table;
    this.#options = options;
    this.#patience = new Patience(options);
    this.#commit = new Commit({ topics, decisions, isSynced: flushPolicy === 'always' });
  }

  /** After a start: `left` are those that have records without a marker, and where. */
  async recover(
    left: readonly { readonly transaction: TransactionEpoch; readonly place: DecidedPlace }[],
  ): Promise<void> {
    const { decisions } = this.#options;
    const decided = new Set<string>();
    for (const decision of decisions.undone) {
      decided.add(nameOf(decision));
      await this.#carryOutAgain(decision);
    }
    const undecided = left.filter(({ transaction }) => !decided.has(nameOf(transaction)));
    for (const { transaction } of undecided) this.table.outcomes.remember(transaction, 'aborted');
    await Promise.all(undecided.map(({ transaction, place }) => this.#markAborted(transaction, place)));
  }

  /** What a topic has to do with it that is damaged waits until a start finds that mended, or gone. */
  async #carryOutAgain(decision: Decision): Promise<void> {
    try {
      await this.#commit.carryOut(decision, (work) => work());
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#options.onNotice(`transaction ${nameOf(decision)} is committed where that is possible: ${error.message}`);
    }
  }

  async begin({ transactionalId, timeoutMs }: BeginWant): Promise<OpenTransaction> {
    const { limits, clock } = this.#options;
    this.#checkMayBegin();
    this.#beginningCount += 1;
    try {
      const identity = this.#nextEpoch() ?? (await this.#renewedEpoch());
      // Between the last look and the new one of this name nobody else begins.
      for (let older = this.#ownedBy(transactionalId); older !== undefined; older = this.#ownedBy(transactionalId)) {
        await this.#fence(older);
      }
      if (this.#isClosed) throw closedError();
      const beganMs = clock.monotonicMs();
      const operationsMax = limits.transactionOperationsMax;
      const id = this.table.ids.idOf(identity);
      const transaction = new OpenTransaction({ ...identity, id, transactionalId, timeoutMs, beganMs, operationsMax });
      this.table.add(transaction);
      this.#arm(transaction);
      return transaction;
    } finally {
      this.#beginningCount -= 1;
    }
  }

  /** Resolves when all of it holds. */
  async commit(transaction: OpenTransaction): Promise<void> {
    if (transaction.state !== 'open') await transaction.ending?.catch(() => undefined);
    this.table.checkOpen(transaction);
    transaction.state = 'committing';
    this.#disarm(transaction);
    transaction.letGoOfWaiting();
    const ending = this.#runCommit(transaction);
    transaction.ending = ending;
    await ending;
  }

  async abort(transaction: OpenTransaction): Promise<void> {
    if (transaction.state !== 'open') await transaction.ending?.catch(() => undefined);
    this.table.checkOpen(transaction);
    await this.#abortSurely(transaction, 'asked');
  }

  /** Whoever is open is aborted; its markers are on their way to their logs when this returns. */
  end(): void {
    this.#isClosed = true;
    this.#patience.end();
    for (const transaction of this.table.all) {
      if (transaction.state === 'open' && transaction.doubt === undefined) void this.#abort(transaction, 'closing');
    }
  }

  /** Resolves when everything is on the disk and closed. */
  async close(): Promise<void> {
    this.end();
    await Promise.allSettled(this.table.all.map(({ ending }) => ending));
    await this.#options.decisions.close();
  }

  async #runCommit(transaction: OpenTransaction): Promise<void> {
    let isDecided = false;
    const onDecided = (): void => {
      isDecided = true;
      this.table.outcomes.remember(transaction, 'committed');
      this.#tell(transaction, 'committed', 'asked');
    };
    try {
      const decision = await this.#commit.run(transaction, onDecided);
      if (decision !== undefined) await this.#commit.carryOut(decision, (work) => this.#patience.until(work));
      this.#isOver(transaction);
    } catch (error) {
      if (isDecided) throw error; // the next start carries it out
      await this.#putBack(transaction, error);
      throw error;
    }
  }

  /** The commit failed before anything was decided: whoever has time left may try again. */
  async #putBack(transaction: OpenTransaction, error: unknown): Promise<void> {
    const isHopeless = error instanceof LostError || !isMqError(error) || this.#isClosed;
    transaction.state = 'open';
    transaction.ending = undefined;
    if (!this.#isClosed) this.#arm(transaction);
    if (isHopeless) await this.#abortSurely(transaction, 'failed').catch(() => undefined); // tried again in its time
  }

  /** Nobody is told that it was aborted while the disk may have its decision. Rejects when that cannot be found out now. */
  async #abortSurely(transaction: OpenTransaction, why: EndReason): Promise<void> {
    if (transaction.doubt !== undefined) {
      await transaction.doubt();
      this.table.checkOpen(transaction);
      transaction.doubt = undefined;
    }
    await this.#abort(transaction, why);
  }

  /** At once, for everybody who asks; resolves when readers and groups know it too. */
  #abort(transaction: OpenTransaction, why: EndReason): Promise<void> {
    transaction.state = 'aborting';
    this.#disarm(transaction);
    this.table.outcomes.remember(transaction, 'aborted', { isFenced: why === 'fenced' });
    this.#tell(transaction, 'aborted', why);
    transaction.letGoOfWaiting();
    const groups = [...transaction.ackingGroups.values()];
    for (const { desk } of groups) desk.transacted.abort(transaction.id);
    const marked = [...transaction.places.values()].map((place) => this.#markAborted(transaction, place));
    const buried = groups.map(({ desk }) => desk.burial.settled()); // what failed once too often
    transaction.ending = Promise.all([...marked, ...buried]).then(() => this.#isOver(transaction));
    return transaction.ending;
  }

  /** Resolves after the first attempt: it is aborted, and what readers wait for comes as soon as the disk takes it. */
  async #markAborted(transaction: TransactionEpoch, place: DecidedPlace): Promise<void> {
    const mark = async (): Promise<void> => {
      const found = topicAt(this.#options.topics, place);
      const topic = found instanceof Promise ? await found : found; // at once, where that is possible
      await topic?.store(topic.partition(place.partition), markerBatch(transaction, 'aborted'));
    };
    try {
      await mark();
    } catch (error) {
      this.#options.onNotice(`the end of transaction ${nameOf(transaction)} waits for the disk: ${String(error)}`);
      if (!this.#isClosed) this.#patience.until(mark).catch(() => undefined); // closed: the next start does it
    }
  }

  #tell({ id, beganMs }: OpenTransaction, outcome: TransactionOutcome, why: EndReason): void {
    const { clock, onEnded } = this.#options;
    onEnded({ id, outcome, why, durationMs: clock.monotonicMs() - beganMs });
  }

  #isOver(transaction: OpenTransaction): void {
    transaction.state = 'over';
    this.table.remove(transaction);
  }

  #ownedBy(transactionalId: string | undefined): OpenTransaction | undefined {
    return transactionalId === undefined || this.#isClosed ? undefined : this.table.ownedBy(transactionalId);
  }

  /** What an older owner of the name left open is aborted; what it decided is carried out. */
  async #fence(older: OpenTransaction): Promise<void> {
    if (older.state === 'open') await this.#abortSurely(older, 'fenced');
    else await older.ending?.catch(() => undefined);
  }

  #arm(transaction: OpenTransaction): void {
    const { clock } = this.#options;
    const leastMs = transaction.doubt === undefined ? 0 : RETRY_MS;
    const leftMs = Math.max(transaction.beganMs + transaction.timeoutMs - clock.monotonicMs(), leastMs);
    const onTimeout = (): void => {
      if (transaction.state !== 'open') return;
      this.#abortSurely(transaction, 'timed-out').catch(() => {
        if (transaction.state === 'open' && !this.#isClosed) this.#arm(transaction);
      });
    };
    this.#timers.set(transaction, clock.setTimer(onTimeout, leftMs, { isBackground: true }));
  }

  #disarm(transaction: OpenTransaction): void {
    this.#timers.get(transaction)?.cancel();
    this.#timers.delete(transaction);
  }

  #checkMayBegin(): void {
    if (this.#isClosed) throw closedError();
    const { transactionsCountMax } = this.#options.limits;
    if (this.table.size + this.#beginningCount < transactionsCountMax) return;
    const text = `the broker has ${transactionsCountMax} open transactions, which is the limit`;
    throw new MqError('MQ_LIMIT_EXCEEDED', text);
  }

  /** I9: each transaction has its own; undefined when the epochs of the id are used up. */
  #nextEpoch(): TransactionEpoch | undefined {
    if (this.#last === undefined || this.#last.epoch >= EPOCH_MAX) return undefined;
    this.#last = { producerId: this.#last.producerId, epoch: this.#last.epoch + 1 };
    return this.#last;
  }

  async #renewedEpoch(): Promise<TransactionEpoch> {
    for (;;) {
      this.#renewing ??= this.#renew().finally(() => {
        this.#renewing = undefined;
      });
      await this.#renewing;
      const next = this.#nextEpoch();
      if (next !== undefined) return next;
    }
  }

  async #renew(): Promise<void> {
    this.#last = { producerId: await this.#options.newProducerId(), epoch: -1 };
  }
}
