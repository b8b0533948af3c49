/**
 * A browser of a queue: shows what is in it, in order, and takes nothing away.
 *
 *     browse page after page --> what the selector matches --> as many as the client wants in advance --> null: that was all
 *
 * Always true: it shows what the group `default` of the queue has not finished, each message once, all partitions one after
 * the other; a queue that is not there is empty.
 */
import type { Broker, BrowseOptions } from '../../../../shared/contract/broker.ts';
import { isMqError } from '../../../../shared/contract/errors.ts';
import { DEFAULTS } from '../../../../shared/contract/limits.ts';
import type { BrowsedRecord } from '../../../../shared/contract/message.ts';
import { need } from '../../../1-blocking-queue/rules.ts';
import { Selector } from '../../filters/selector/selector.ts';
import { ACK, type ConsumerInfo, type MessageAck } from './commands.ts';
import type { Dispatcher } from './dispatcher.ts';
import { messageKey } from './message-ids.ts';
import type { Reader } from './reader.ts';

/** Records of one page. */
const PAGE_COUNT = 100;

export interface BrowserOptions {
  readonly info: ConsumerInfo & { readonly consumerId: object; readonly destination: object };
  readonly topic: string;
  /** As the client may use it. */
  readonly broker: Broker;
  readonly dispatcher: Dispatcher;
  readonly onTrouble: (error: unknown) => void;
}

export class Browser implements Reader {
  readonly #options: BrowserOptions;
  readonly #selector: Selector | undefined;
  /** Shown, and not looked at yet as far as the client says. */
  readonly #shown = new Set<string>();
  #waiting: BrowsedRecord[] = [];
  #prefetch: number;
  #pullCount = 0;
  #partition = 0;
  #partitionCount = 1;
  #after: number | undefined;
  #isPaused = false;
  #isRunning = false;
  /** No page is left. */
  #isAll = false;
  #isOver = false;

  constructor(options: BrowserOptions) {
    const { info, broker } = options;
    this.#options = options;
    this.#prefetch = Math.max(info.prefetchSize, 0);
    if (info.selector === null || info.selector === '') return;
    need(broker, 'filters', 'a browser with a selector');
    this.#selector = new Selector(info.selector, broker.limits);
  }

  /** Rejects when the queue cannot be browsed. */
  async open(): Promise<void> {
    const { broker, topic } = this.#options;
    need(broker, 'browse', 'a queue browser');
    try {
      const [description] = await broker.describeTopics({ topic });
      this.#partitionCount = description?.partitionCount ?? 1;
      await this.#turnPage();
    } catch (error) {
      if (!isMqError(error, 'MQ_UNKNOWN_TOPIC')) throw error;
      this.#isAll = true;
    }
    this.#goOn();
  }

  /** Makes room for more; there is nothing to finish. */
  ack(command: MessageAck): void {
    if (command.ackType === ACK.redelivered || command.lastMessageId === null) return;
    const last = messageKey(command.lastMessageId);
    if (!this.#shown.has(last)) return;
    for (const key of this.#shown) {
      this.#shown.delete(key);
      if (key === last) break;
    }
    this.#goOn();
  }

  pull(): void {
    this.#pullCount += 1;
    this.#goOn();
  }

  setPrefetch(count: number): void {
    this.#prefetch = Math.max(count, 0);
    this.#goOn();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#goOn();
  }

  async close(): Promise<void> {
    this.#isOver = true;
  }

  async gone(): Promise<void> {
    this.#isOver = true;
  }

  #goOn(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#run()
      .catch(this.#options.onTrouble)
      .finally(() => {
        this.#isRunning = false;
      });
  }

  async #run(): Promise<void> {
    while (this.#room > 0 && !this.#isOver && !this.#isPaused) {
      const record = this.#waiting.shift();
      if (record !== undefined) this.#show(record);
      else if (this.#isAll) return this.#end();
      else await this.#turnPage();
    }
  }

  get #room(): number {
    return this.#prefetch === 0 ? this.#pullCount : this.#prefetch - this.#shown.size;
  }

  #show(record: BrowsedRecord): void {
    const { info, dispatcher } = this.#options;
    if (this.#prefetch === 0) this.#pullCount -= 1;
    const { key } = dispatcher.dispatch(info.consumerId, record, {
      redeliveryCounter: Math.max(record.deliveryCount - 1, 0),
      isTaken: (taken) => this.#shown.has(taken),
    });
    if (this.#prefetch > 0) this.#shown.add(key);
  }

  #end(): void {
    const { info, dispatcher } = this.#options;
    dispatcher.dispatchNothing(info.consumerId, info.destination);
    this.#isOver = true;
  }

  async #turnPage(): Promise<void> {
    const { broker } = this.#options;
    const page = await this.#page({
      max: Math.min(PAGE_COUNT, broker.limits.receiveCountMax),
      partition: this.#partition,
      ...(this.#after !== undefined && { after: this.#after }),
    });
    this.#waiting = page.filter((record) => record.state !== 'delayed' && this.#isWanted(record));
    const last = page.at(-1)?.offset;
    if (last !== undefined && last !== null) {
      this.#after = last;
      return;
    }
    this.#after = undefined;
    this.#partition += 1;
    this.#isAll = this.#partition >= this.#partitionCount;
  }

  async #page(options: BrowseOptions): Promise<readonly BrowsedRecord[]> {
    const { broker, topic } = this.#options;
    try {
      return await broker.browse(topic, options);
    } catch (error) {
      if (!isMqError(error, 'MQ_UNKNOWN_GROUP')) throw error;
      // Nobody has read the queue yet: what waits in it waits for this group, as its first reader makes it.
      await broker.createGroup(topic, DEFAULTS.group, { start: 'earliest' });
      return await broker.browse(topic, options);
    }
  }

  #isWanted(record: BrowsedRecord): boolean {
    return this.#selector?.matches(record, record.deliveryCount + 1) ?? true;
  }
}
