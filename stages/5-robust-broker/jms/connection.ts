/**
 * A connection: a client of one broker, with sessions.
 *
 *     made, stopped --start--> messages are delivered --stop--> not any more (sending goes on) --close--> all is given back
 *
 * Always true: nothing is delivered before `start`; from then on, until `close`, the process does not end by itself; `stop` and `close` resolve when no listener runs any more; what the
 * connection made for itself, temporary destinations, goes with it. Connection factories make it.
 */
import type { Timer } from '../../../shared/clock.ts';
import type { IdOwner } from '../doors/client-ids.ts';
import type { Destination as KitDestination } from '../doors/destinations.ts';
import type { TemporaryKind } from '../doors/temporaries.ts';
import { stillRead } from './destinations.ts';
import { asJms, IllegalStateException, InvalidClientIDException, JMSException, jmsExceptionOf } from './errors.ts';
import type { Provider } from './provider.ts';
import { Session } from './session.ts';
import type { SessionOwner } from './session-owner.ts';
import { AcknowledgeMode } from './session-work.ts';

/** Told of what goes wrong while nobody waits. */
export type ExceptionListener = (exception: JMSException) => void;

/** What there is at the other end. */
export interface ConnectionMetaData {
  getJMSVersion(): string;
  getJMSMajorVersion(): number;
  getJMSMinorVersion(): number;
  getJMSProviderName(): string;
  /** Properties that JMS defines and this provider has. */
  getJMSXPropertyNames(): string[];
  /** Of the broker: what it can do. */
  getCapabilities(): string[];
}

/** A client of one broker, with sessions. */
export class Connection implements SessionOwner, AsyncDisposable {
  readonly provider: Provider;
  readonly id: string;
  readonly #sessions = new Set<Session>();
  #clientId: string | null = null;
  readonly #idOwner: IdOwner;
  #exceptionListener: ExceptionListener | null = null;
  #sessionCount = 0;
  #isStarted = false;
  #isClosed = false;
  /** A listener waits for messages, also while its server is away: nothing else may be there to keep the process. */
  #presence: Timer | undefined;

  constructor(provider: Provider, clientId: string | null = null) {
    this.provider = provider;
    this.id = provider.random.hex(8);
    this.#idOwner = { connectionId: this.id, user: null };
    if (clientId !== null) this.#takeClientId(clientId);
  }

  get isRunning(): boolean {
    return this.#isStarted && !this.#isClosed;
  }

  getClientID(): string | null {
    return this.#clientId;
  }

  /** Before anything else is done with the connection. */
  setClientID(clientId: string): void {
    this.#checkOpen();
    if (this.#clientId !== null) throw new IllegalStateException('the connection has a client id');
    if (this.#sessionCount > 0 || this.#isStarted)
      throw new IllegalStateException('too late: the connection is in use');
    this.#takeClientId(clientId);
  }

  getExceptionListener(): ExceptionListener | null {
    return this.#exceptionListener;
  }

  /** Without one, what goes wrong while nobody waits is a warning of the process. */
  setExceptionListener(listener: ExceptionListener | null): void {
    this.#exceptionListener = listener;
  }

  getMetaData(): ConnectionMetaData {
    const { name, capabilities } = this.provider.broker;
    return {
      getJMSVersion: () => '1.1',
      getJMSMajorVersion: () => 1,
      getJMSMinorVersion: () => 1,
      getJMSProviderName: () => `StageMQ ${name}`,
      getJMSXPropertyNames: () => ['JMSXGroupID', 'JMSXGroupSeq', 'JMSXDeliveryCount'],
      getCapabilities: () => [...capabilities],
    };
  }

  /** `isTransacted`: the mode says nothing then. */
  createSession(isTransacted = false, acknowledgeMode: number = AcknowledgeMode.AUTO): Session {
    this.#checkOpen();
    const mode = isTransacted ? AcknowledgeMode.SESSION_TRANSACTED : acknowledgeMode;
    const isKnown =
      mode !== AcknowledgeMode.SESSION_TRANSACTED && Object.values(AcknowledgeMode).some((m) => m === mode);
    if (!isTransacted && !isKnown) throw new JMSException(`there is no acknowledge mode ${acknowledgeMode}`);
    this.#sessionCount += 1;
    const session = new Session(this, { name: `${this.id}:${this.#sessionCount}`, mode });
    this.#sessions.add(session);
    return session;
  }

  /** From now on messages are delivered. */
  start(): Promise<void> {
    return asJms(() => {
      this.#checkOpen();
      if (this.#isStarted) return;
      this.#isStarted = true;
      this.#presence ??= this.provider.clock.setTimer(() => undefined, Number.MAX_SAFE_INTEGER);
      for (const session of this.#sessions) session.started();
    });
  }

  /** Resolves when no listener runs any more. */
  stop(): Promise<void> {
    return asJms(async () => {
      this.#checkOpen();
      for (const session of this.#sessions) session.checkOutside();
      this.#isStarted = false;
      await Promise.all([...this.#sessions].map((session) => session.idle()));
    });
  }

  /** Its sessions with it; what they had not finished goes back. */
  close(): Promise<void> {
    return asJms(async () => {
      for (const session of this.#sessions) session.checkOutside();
      if (this.#isClosed) return;
      this.#isClosed = true;
      this.#presence?.cancel();
      try {
        // Without a client nothing waits for a server that is not there.
        if (this.provider.isLost()) await this.provider.release();
        await Promise.all([...this.#sessions].map((session) => session.close()));
        await this.provider.exchange.deleteTemporariesOf(this.id);
      } finally {
        if (this.#clientId !== null) this.provider.clientIds.free(this.#clientId, this.#idOwner);
        await this.provider.release();
      }
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** For its sessions. */
  createTemporary(kind: TemporaryKind): Promise<KitDestination> {
    return this.provider.exchange.createTemporary(this.provider.broker, kind, this.id);
  }

  /** For its temporary destinations. */
  async deleteTemporary(name: string): Promise<void> {
    if ([...this.#sessions].some((session) => session.reads(name))) throw stillRead(name);
    await this.provider.exchange.deleteTemporary(name);
  }

  /** For its sessions. */
  onTrouble(error: unknown): void {
    if (this.#isClosed) return;
    const shown = jmsExceptionOf(error);
    const exception = shown instanceof JMSException ? shown : new JMSException(String(shown), shown);
    if (this.#exceptionListener !== null) this.#exceptionListener(exception);
    else process.emitWarning(exception);
  }

  /** For its sessions. */
  closed(session: Session): void {
    this.#sessions.delete(session);
  }

  #takeClientId(clientId: string): void {
    if (typeof clientId !== 'string' || clientId === '')
      throw new InvalidClientIDException('a client id needs a character');
    if (!this.provider.clientIds.takeFree(clientId, this.#idOwner)) {
      throw new InvalidClientIDException(`${clientId} is connected already`);
    }
    this.#clientId = clientId;
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new IllegalStateException('the connection is closed');
  }
}
