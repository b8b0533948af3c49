/**
 * What callers can do with transactions: begin one, find one again, and work in it.
 *
 *     begin --> Transaction { send, sendBatch, ack, commitOffset, commit, abort }    the same object for all who find its id
 *
 * Always true: arguments are checked before anything is touched; a call that the end of the transaction overtakes is answered
 * with how it ended, and nothing of it counts. The spine uses it.
 */
import type { Clock } from '../../../shared/clock.ts';
import { abortedError } from '../../../shared/contract/errors.ts';
import { DEFAULTS, type Limits } from '../../../shared/contract/limits.ts';
import type { BatchReceipt, DeliveryRef, Message, Receipt } from '../../../shared/contract/message.ts';
import type {
  BeginOptions,
  CommitOffsetOptions,
  Transaction,
  TransactionSendOptions,
} from '../../../shared/contract/transaction.ts';
import {
  checkBatch,
  checkInteger,
  checkMessage,
  checkName,
  checkOptions,
  invalidArgument,
} from '../../../shared/contract/validation.ts';
import { checkSignal } from '../../1-blocking-queue/checked-options.ts';
import type { Rules } from '../../1-blocking-queue/rules.ts';
import * as reading from '../../2-ring-buffer/reading-options.ts';
import { outOfRangeError } from '../../2-ring-buffer/refusals.ts';
import { SUMMARY } from '../../4-persisted-log/bytes/record-batch.ts';
import * as timing from '../../4-persisted-log/message-options.ts';
import { settleRefs } from '../../4-persisted-log/settled-refs.ts';
import {
  batchReceiptOf,
  type MessagesToStore,
  receiptOf,
  type StoredMessages,
  type Storing,
  storeMessages,
} from '../../4-persisted-log/storing.ts';
import type { Coordinator } from './coordinator.ts';
import type { OpenTransaction } from './open-transaction.ts';

export interface TransactionCallsOptions {
  readonly clock: Clock;
  readonly rules: Rules & { readonly limits: Limits };
  readonly storing: Storing;
  readonly coordinator: Coordinator;
}

export class TransactionCalls {
  readonly #options: TransactionCallsOptions;
  readonly #coordinator: Coordinator;

  constructor(options: TransactionCallsOptions) {
    this.#options = options;
    this.#coordinator = options.coordinator;
  }

  async begin(options?: BeginOptions): Promise<Transaction> {
    checkOptions('options', options, ['timeoutMs', 'transactionalId', 'signal']);
    const { limits } = this.#options.rules;
    const { transactionalId, timeoutMs } = options ?? {};
    const range = { min: 1, max: limits.transactionMsMax, fallback: DEFAULTS.transactionMs };
    const signal = checkSignal('options.signal', options?.signal);
    const beginning = this.#coordinator.begin({
      transactionalId:
        transactionalId === undefined ? undefined : checkName('options.transactionalId', transactionalId, limits),
      timeoutMs: checkInteger('options.timeoutMs', timeoutMs, range),
    });
    return this.#transactionOf(signal === undefined ? await beginning : await this.#unlessAborted(beginning, signal));
  }

  /** An older owner's end may take its time. What begins though nobody waits for it any more is aborted. */
  async #unlessAborted(beginning: Promise<OpenTransaction>, signal: AbortSignal): Promise<OpenTransaction> {
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => reject(abortedError(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([beginning, aborted]);
    } catch (error) {
      beginning.then((begun) => this.#coordinator.abort(begun)).catch(() => undefined); // it never began, or ends by itself
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async find(id: string): Promise<Transaction> {
    if (typeof id !== 'string' || id === '') throw invalidArgument('id', 'the id of a transaction', id);
    return this.#transactionOf(this.#coordinator.table.find(id));
  }

  #transactionOf(own: OpenTransaction): Transaction {
    return {
      id: own.id,
      send: async (topic, message, options) => await this.#send(own, topic, message, options),
      sendBatch: async (topic, messages, options) => await this.#sendBatch(own, topic, messages, options),
      ack: async (deliveries) => await this.#ack(own, deliveries),
      commitOffset: async (topic, options) => await this.#commitOffset(own, topic, options),
      commit: async () => await this.#coordinator.commit(own),
      abort: async () => await this.#coordinator.abort(own),
    };
  }

  async #send(
    own: OpenTransaction,
    topic: string,
    message: Message,
    options: TransactionSendOptions | undefined,
  ): Promise<Receipt> {
    const { rules, clock } = this.#options;
    await this.#checkOpen(own);
    const name = this.#checkTopic(topic);
    const contents = [checkMessage('message', message, rules.limits)];
    const messages = timing.checkTimes('message', [message], { contents, clock });
    const what = { name, path: 'message', messages, code: 'MQ_MESSAGE_TOO_LARGE' } as const;
    return receiptOf(name, await this.#store(own, what, options));
  }

  async #sendBatch(
    own: OpenTransaction,
    topic: string,
    given: readonly Message[],
    options: TransactionSendOptions | undefined,
  ): Promise<BatchReceipt> {
    const { rules, clock } = this.#options;
    await this.#checkOpen(own);
    const name = this.#checkTopic(topic);
    const contents = checkBatch('messages', given, rules.limits);
    const messages = timing.checkTimes('messages', given, { contents, clock });
    const what = { name, path: 'messages', messages, code: 'MQ_BATCH_TOO_LARGE' } as const;
    return batchReceiptOf(name, await this.#store(own, what, options));
  }

  async #store(
    own: OpenTransaction,
    what: MessagesToStore,
    options: TransactionSendOptions | undefined,
  ): Promise<StoredMessages> {
    checkOptions('options', options, ['partition', 'signal', 'timeoutMs']);
    const checked = timing.checkStoringOptions(options, this.#options.rules);
    const { endSignal, producerId, epoch } = own;
    const signal = checked.signal === undefined ? endSignal : AbortSignal.any([endSignal, checked.signal]);
    const transaction = { producerId, epoch, flags: SUMMARY.transactional };
    own.countOperations(1);
    try {
      return await storeMessages(this.#options.storing, what, { ...checked, signal, transaction });
    } catch (error) {
      own.discountOperations(1);
      if (endSignal.aborted && !checked.signal?.aborted) await this.#checkOpen(own);
      throw error;
    }
  }

  async #ack(own: OpenTransaction, deliveries: readonly DeliveryRef[]): Promise<void> {
    await this.#checkOpen(own);
    const refs = reading.checkRefs(deliveries, this.#options.rules);
    own.countOperations(refs.length);
    const { table } = this.#coordinator;
    await settleRefs(this.#options.storing.topics, refs, {
      settle: (topic, run) => {
        table.checkOpen(own);
        const desk = topic.groups.existing(run[0].group);
        own.ackingGroups.set(desk, { topic, desk });
        return desk.transacted.hold(run, own.id);
      },
      flushed: async () => undefined, // nothing has ended yet
    });
  }

  async #commitOffset(own: OpenTransaction, topic: string, options: CommitOffsetOptions): Promise<void> {
    await this.#checkOpen(own);
    const name = timing.checkReadableName('topic', topic, this.#options.rules.limits);
    const { group, partition } = timing.checkPlace(options, this.#options.rules.limits, ['offset']);
    const offset = reading.checkOffset('options.offset', options.offset);
    own.countOperations(1);
    try {
      await this.#setPosition(own, name, { group, partition, offset });
    } catch (error) {
      own.discountOperations(1);
      throw error;
    }
  }

  async #setPosition(
    own: OpenTransaction,
    name: string,
    { group, partition, offset }: Required<CommitOffsetOptions>,
  ): Promise<void> {
    const owner = await this.#options.storing.topics.find(name);
    const { logStartOffset, highWatermark } = owner.partition(partition);
    if (offset > highWatermark) throw outOfRangeError(offset, { logStartOffset, logEndOffset: highWatermark });
    const desk = await owner.groups.open(group);
    desk.transacted.checkPosition(partition, offset);
    await this.#checkOpen(own);
    own.setPosition({ topic: owner.name, topicId: owner.topicId, group: desk.groupId, partition, offset });
  }

  /** Whoever is open is aborted; its markers are on their way to their logs when this returns. */
  end(): void {
    this.#coordinator.end();
  }

  /** Throws for one that is over; one that is about to be is waited for, so that it can be said how it ended. */
  async #checkOpen(own: OpenTransaction): Promise<void> {
    if (own.state !== 'open') await own.ending?.catch(() => undefined);
    this.#coordinator.table.checkOpen(own);
  }

  /** A name that messages may be sent to. */
  #checkTopic(topic: string): string {
    const { storing, rules } = this.#options;
    return storing.topics.has(topic) && !topic.startsWith('$') ? topic : checkName('topic', topic, rules.limits);
  }
}
