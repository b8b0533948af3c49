/**
 * Makes connections to one place: a broker in this process, or a server.
 *
 * Always true: connections to a broker in this process share it, and it is closed with the factory; one to a server is a client
 * of its own, closed with it. `index.ts` makes it from a url.
 */
import type { Clock } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import type { Random } from '../../../shared/random.ts';
import { createExchange } from '../doors/exchange.ts';
import { Connection } from './connection.ts';
import { asJms, IllegalStateException } from './errors.ts';
import type { NamesInUse } from './names-in-use.ts';
import type { Provider } from './provider.ts';

/** Who connects, where the server asks for it. */
export interface Credentials {
  readonly user?: string;
  readonly password?: string;
}

/** Where the connections of a factory go. */
export interface Place {
  /** True: one broker for all connections. */
  readonly isShared: boolean;
  /** True: it is closed when nobody needs it any more. */
  readonly isOwn: boolean;
  /** As whom the server is asked for a broker; undefined where it does not ask, or knows by a token. */
  userOf(credentials: Credentials): string | undefined;
  /** What connections to it have, whichever factory made them. */
  namesInUse(broker: Broker): NamesInUse;
  /** `onLink` is told each time the way to the broker breaks, and with null when it is there again. */
  open(credentials: Credentials, onLink: (error: unknown) => void): Promise<Broker>;
}

export interface FactorySettings {
  readonly clientId: string | null;
  readonly prefetchCount: number;
  readonly clock: Clock;
  readonly random: Random;
}

type SharedPart = Omit<Provider, 'release' | 'isLost'>;

/** Makes connections to one place: a broker in this process, or a server. */
export class ConnectionFactory implements AsyncDisposable {
  readonly #place: Place;
  readonly #settings: FactorySettings;
  readonly #connections = new Set<Connection>();
  #shared: Promise<SharedPart> | undefined;
  #isClosed = false;

  constructor(place: Place, settings: FactorySettings) {
    this.#place = place;
    this.#settings = settings;
  }

  /** Resolves to a connection that is not started. */
  createConnection(user?: string, password?: string): Promise<Connection> {
    return asJms(async () => {
      if (this.#isClosed) throw new IllegalStateException('the connection factory is closed');
      const credentials = { ...(user !== undefined && { user }), ...(password !== undefined && { password }) };
      let made: Connection | undefined;
      let isLost = false;
      const part = await this.#partFor(credentials, (error) => {
        isLost = error !== null;
        if (isLost) made?.onTrouble(error);
      });
      const release = async (): Promise<void> => {
        if (made !== undefined) this.#connections.delete(made);
        if (!this.#place.isShared) await this.#close(part);
      };
      const connection = await this.#connect({ ...part, isLost: () => isLost, release });
      this.#connections.add(connection);
      made = connection;
      return connection;
    });
  }

  /** Its connections too, and a broker that it made. */
  close(): Promise<void> {
    return asJms(async () => {
      if (this.#isClosed) return;
      this.#isClosed = true;
      await Promise.all([...this.#connections].map((connection) => connection.close()));
      if (this.#shared !== undefined) await this.#close(await this.#shared);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #connect(provider: Provider): Promise<Connection> {
    try {
      return new Connection(provider, this.#settings.clientId);
    } catch (error) {
      await provider.release();
      throw error;
    }
  }

  #partFor(credentials: Credentials, onLink: (error: unknown) => void): Promise<SharedPart> {
    if (!this.#place.isShared) return this.#open(credentials, onLink);
    this.#shared ??= this.#open({}, () => undefined).catch((error) => {
      this.#shared = undefined;
      throw error;
    });
    return this.#shared;
  }

  async #open(credentials: Credentials, onLink: (error: unknown) => void): Promise<SharedPart> {
    const { clock, random, prefetchCount } = this.#settings;
    const broker = await this.#place.open(credentials, onLink);
    const exchange = createExchange(broker, { clock, random });
    const user = this.#place.userOf(credentials);
    return { broker, user, exchange, clock, random, prefetchCount, ...this.#place.namesInUse(broker) };
  }

  async #close({ broker, exchange }: SharedPart): Promise<void> {
    exchange.close();
    if (this.#place.isOwn) await broker.close();
  }
}
