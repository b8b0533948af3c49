/**
 * Takes messages of one destination, by asking for them or by a listener.
 *
 * Always true: a session with a listener is not asked; listeners of one session are called one after the other; `null` says
 * that nothing came in time, or that the consumer is closed. Sessions make it.
 */
import { checkInteger } from '../../../shared/contract/validation.ts';
import { asFormat, asJms, IllegalStateException } from './errors.ts';
import type { Inbox } from './inbox.ts';
import type { Message } from './message.ts';

const WAIT_MS_MAX = 2 ** 31 - 1;

/** Called for each message; the next one comes when its promise has resolved. */
export type MessageListener = (message: Message) => void | Promise<void>;

/** What a consumer needs of its session. */
export interface ConsumerSession {
  /** Throws where nothing may be asked for. */
  checkReceive(): void;
  /** Waits `waitMs`; null: as long as it takes; 'now': not at all. */
  receive(consumer: MessageConsumer, inbox: Inbox, waitMs: number | null | 'now'): Promise<Message | null>;
  /** Has the listener called for one delivery of the inbox. */
  deliver(inbox: Inbox, listener: () => MessageListener | null): void;
  closed(consumer: MessageConsumer): Promise<void>;
}

/** Takes messages of one destination. */
export class MessageConsumer implements AsyncDisposable {
  readonly #session: ConsumerSession;
  readonly #inbox: Inbox;
  readonly #selector: string | null;
  #listener: MessageListener | null = null;
  #isClosed = false;

  constructor(session: ConsumerSession, inbox: Inbox, selector: string | null) {
    this.#session = session;
    this.#inbox = inbox;
    this.#selector = selector;
  }

  getMessageSelector(): string | null {
    return this.#selector;
  }

  getMessageListener(): MessageListener | null {
    return this.#listener;
  }

  /** null: there is none any more. */
  setMessageListener(listener: MessageListener | null): void {
    if (this.#isClosed) throw closedConsumer();
    this.#listener = listener;
    const onArrival = (): void => this.#session.deliver(this.#inbox, () => this.#listener);
    this.#inbox.listen(listener === null ? undefined : onArrival);
  }

  /** The next message; waits `timeoutMs` for it, and for 0 or nothing as long as it takes. */
  receive(timeoutMs = 0): Promise<Message | null> {
    return asJms(async () => {
      this.#checkReceive();
      const range = { min: 0, max: WAIT_MS_MAX, fallback: 0 };
      const waitMs = asFormat(() => checkInteger('timeoutMs', timeoutMs, range));
      return await this.#session.receive(this, this.#inbox, waitMs === 0 ? null : waitMs);
    });
  }

  /** The next message, if there is one now. */
  receiveNoWait(): Promise<Message | null> {
    return asJms(async () => {
      this.#checkReceive();
      return await this.#session.receive(this, this.#inbox, 'now');
    });
  }

  /** What it was handed and the program has not taken goes back; what was taken is still to be acknowledged. */
  close(): Promise<void> {
    return asJms(async () => {
      if (this.#isClosed) return;
      this.#isClosed = true;
      this.#listener = null;
      await this.#session.closed(this);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #checkReceive(): void {
    if (this.#isClosed) throw closedConsumer();
    this.#session.checkReceive();
  }
}

function closedConsumer(): IllegalStateException {
  return new IllegalStateException('the consumer is closed');
}
