/**
 * What a session does with what it sends and takes, by its mode.
 *
 *     AUTO, DUPS_OK       finished when the program has it, or its listener has returned
 *     CLIENT, INDIVIDUAL  when the program acknowledges: all of the session, or the one message
 *     transacted          at commit, together with what was sent; undone by rollback
 *
 * Always true: a transaction of the broker is begun when the first thing is to be in it, and ended by the next commit or
 * rollback; a commit that fails has undone everything it could, and says so. Only Session uses it.
 */
import { isMqError } from '../../../shared/contract/errors.ts';
import type { Delivery } from '../../../shared/contract/message.ts';
import type { Transaction } from '../../../shared/contract/transaction.ts';
import { need } from '../../1-blocking-queue/rules.ts';
import { isGone } from '../doors/gone.ts';
import type { Destination } from './destinations.ts';
import { asJms, TransactionRolledBackException } from './errors.ts';
import type { Inbox } from './inbox.ts';
import type { Message } from './message.ts';
import type { Provider } from './provider.ts';
import { finish, giveBack, Taken, type TakenDelivery } from './taken.ts';
import { contractMessageOf, receivedMessage, type Sending } from './wire.ts';

/** The numbers of JMS; INDIVIDUAL as ActiveMQ has it. */
export const AcknowledgeMode = Object.freeze({ SESSION_TRANSACTED: 0, AUTO: 1, CLIENT: 2, DUPS_OK: 3, INDIVIDUAL: 4 });

export class SessionWork {
  readonly #provider: Provider;
  readonly #mode: number;
  readonly #onTrouble: (error: unknown) => void;
  readonly #taken = new Taken();
  #transaction: Promise<Transaction> | undefined;
  /** What is being finished while nobody waits for it. */
  readonly #late = new Set<Promise<void>>();

  /** Throws `MQ_NOT_SUPPORTED` for a mode the broker cannot keep. */
  constructor(provider: Provider, options: { readonly mode: number; readonly onTrouble: (error: unknown) => void }) {
    this.#provider = provider;
    this.#mode = options.mode;
    this.#onTrouble = options.onTrouble;
    if (this.#isTransacted) need(provider.broker, 'transactions', 'a transacted session');
    if (this.#mode !== AcknowledgeMode.AUTO && this.#mode !== AcknowledgeMode.DUPS_OK) {
      need(provider.broker, 'lease', 'to acknowledge later than a message is received');
    }
  }

  get #isTransacted(): boolean {
    return this.#mode === AcknowledgeMode.SESSION_TRANSACTED;
  }

  /** Finished as soon as the program has it. */
  get #isAutomatic(): boolean {
    return this.#mode === AcknowledgeMode.AUTO || this.#mode === AcknowledgeMode.DUPS_OK;
  }

  async send(destination: Destination, message: Message, sending: Sending): Promise<void> {
    const { broker, exchange } = this.#provider;
    const contractMessage = contractMessageOf(message, sending, broker);
    const transaction = this.#isTransacted ? await this.#begun() : undefined;
    await exchange.publish(broker, destination.destination, contractMessage, { ...(transaction && { transaction }) });
  }

  /** The message, for a program that asked for it; null when it is somebody else's by now. */
  async takenByAsking(inbox: Inbox, delivery: Delivery): Promise<Message | null> {
    const taken = this.#taken.add(inbox, delivery);
    if (this.#isAutomatic && !(await this.#finishAutomatically(taken))) return null;
    return this.#messageOf(taken);
  }

  /** Calls the listener; what it throws is trouble, and in automatic modes the message comes again. */
  async takenByListener(inbox: Inbox, delivery: Delivery, listener: (message: Message) => unknown): Promise<void> {
    const taken = this.#taken.add(inbox, delivery);
    try {
      await listener(this.#messageOf(taken));
    } catch (error) {
      this.#onTrouble(error);
      if (this.#isAutomatic && this.#taken.remove(taken)) await giveBack([taken]);
      return;
    }
    if (this.#isAutomatic) await this.#finishAutomatically(taken);
  }

  async commit(): Promise<void> {
    const taken = this.#taken.removeAll();
    if (taken.length === 0 && this.#transaction === undefined) return;
    try {
      const transaction = await this.#begun();
      await finish(taken, transaction);
      await transaction.commit();
      this.#transaction = undefined;
    } catch (error) {
      await this.#undo(taken);
      if (isMqError(error, 'MQ_CONNECTION_LOST') || isMqError(error, 'MQ_TIMEOUT')) throw error; // it may be committed
      const reason = error instanceof Error ? error.message : String(error);
      throw new TransactionRolledBackException(`the transaction was rolled back: ${reason}`, error);
    }
  }

  async rollback(): Promise<void> {
    await this.#undo(this.#taken.removeAll());
  }

  /** What is not acknowledged comes again, and what came after it. */
  async recover(): Promise<void> {
    await giveBack(this.#taken.removeAll());
  }

  /** For the end: what is not finished comes again, and nothing is under way. */
  async end(): Promise<void> {
    await Promise.all(this.#late);
    await (this.#isTransacted ? this.rollback() : this.recover());
  }

  async #undo(taken: readonly TakenDelivery[]): Promise<void> {
    const begun = this.#transaction;
    this.#transaction = undefined;
    try {
      await (await begun)?.abort();
    } catch (error) {
      if (!isOver(error)) throw error;
    } finally {
      await giveBack(taken);
    }
  }

  /** One for all that comes until the next commit or rollback. */
  #begun(): Promise<Transaction> {
    this.#transaction ??= this.#provider.broker.begin().catch((error) => {
      this.#transaction = undefined;
      throw error;
    });
    return this.#transaction;
  }

  /** False when the lease had ended, so that somebody else has it. */
  async #finishAutomatically(taken: TakenDelivery): Promise<boolean> {
    if (!this.#taken.remove(taken)) return true; // the listener has recovered the session
    const finishing = finish([taken]);
    if (this.#mode === AcknowledgeMode.DUPS_OK) {
      const late = finishing.catch((error) => this.#onTrouble(error)).finally(() => this.#late.delete(late));
      this.#late.add(late);
      return true;
    }
    try {
      await finishing;
      return true;
    } catch (error) {
      if (isMqError(error, 'MQ_LEASE_EXPIRED')) return false;
      throw error;
    }
  }

  #messageOf(taken: TakenDelivery): Message {
    const { broker, exchange } = this.#provider;
    const { delivery } = taken;
    const acknowledge = (): Promise<void> => asJms(() => this.#acknowledge(taken));
    const { deliveryCount } = delivery;
    return receivedMessage({ record: delivery, deliveryCount, exchange, broker, acknowledge });
  }

  async #acknowledge(taken: TakenDelivery): Promise<void> {
    if (this.#mode === AcknowledgeMode.CLIENT) await finish(this.#taken.removeAll());
    else if (this.#mode === AcknowledgeMode.INDIVIDUAL && this.#taken.remove(taken)) await finish([taken]);
  }
}

/** A transaction that has ended by itself need not be aborted. */
function isOver(error: unknown): boolean {
  return isGone(error) || isMqError(error, 'MQ_TRANSACTION_ENDED') || isMqError(error, 'MQ_UNKNOWN_TRANSACTION');
}
