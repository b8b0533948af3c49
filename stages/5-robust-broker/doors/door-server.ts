/**
 * A broker behind the port of a protocol: what STOMP, MQTT and OpenWire have in common as servers.
 *
 *     Listener --socket--> (WebSocket?) --> ByteChannel <--> the door's own session --> Exchange --> broker
 *
 * Always true: it never closes the broker or the exchange it was given; every connection is in the book while it is open; what
 * breaks the protocol ends the connection it came on, and nothing else (I35); `close` settles, with all that was begun for
 * connections that are gone done. Whoever is let in by an Admission is reported to it again when the connection ends. `listen`
 * makes it; each door adds a session.
 */
import type { Socket } from 'node:net';
import type { Admission, Credentials } from '../../../shared/admission.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Broker, CloseOptions } from '../../../shared/contract/broker.ts';
import { isMqError, MqError } from '../../../shared/contract/errors.ts';
import { checkBroker } from '../../../shared/contract/validation.ts';
import type { Random } from '../../../shared/random.ts';
import type { TlsOptions } from '../../3-http-server/tls.ts';
import { tokenAdmission } from '../../3-http-server/token-admission.ts';
import { Farewells } from '../../4-persisted-log/doors/farewells.ts';
import { Listener } from '../../4-persisted-log/doors/listener.ts';
import { Arrival } from './arrival.ts';
import type { ByteChannel, DoorSession } from './byte-channel.ts';
import { ConnectionBook } from './connection-book.ts';
import type { CheckedProtocolDoorOptions } from './door-server-options.ts';
import { createExchange, type Exchange } from './exchange.ts';
import { WebSocketGate } from './web-socket-gate.ts';

/** A listening server of a door. Closing it leaves the broker open. */
export interface DoorServer extends AsyncDisposable {
  readonly port: number;
  /** `stomp://host:port` and the like, as clients of the protocol write it. */
  readonly url: string;
  /** Connections now, with those that have not introduced themselves. */
  readonly connectionCount: number;
  /** For connections made from now on: another certificate and key. `MQ_INVALID_ARGUMENT` on a server without TLS. */
  setTls(tls: TlsOptions): void;
  close(options?: CloseOptions): Promise<void>;
}

/** What the sessions of a door share. */
export interface Door {
  readonly name: string;
  /** All of it: for what the door does by itself. What a client wants is done with what `admit` answers. */
  readonly broker: Broker;
  readonly exchange: Exchange;
  readonly clock: Clock;
  readonly random: Random;
  /** Of what is still done for connections that are gone. */
  readonly farewells: Farewells;
  /** Of an error that is a defect of ours. */
  readonly onDefect: (error: unknown) => void;
  /** The broker as this caller may use it. Rejects with `MQ_UNAUTHORIZED`, or with a retriable error. */
  admit(channel: ByteChannel, credentials: Credentials): Promise<Broker>;
  /** Whom the Admission knows the caller as that was let in with this broker; undefined: nobody in particular. */
  nameOf(admitted: Broker): string | undefined;
}

/** What makes a server a door of its protocol. */
export interface DoorKind {
  /** `stomp`, `mqtt`, `openwire`: in the book, and for the Admission. */
  readonly name: string;
  readonly schemes: { readonly plain: string; readonly tls: string };
  /** Over WebSocket too, on the same port: for a protocol whose clients speak first. */
  readonly webSocket?: {
    readonly protocols: readonly string[];
    /** What is UTF-8 leaves as text. */
    readonly sendsText: boolean;
    readonly messageBytesMax: number;
  };
  readonly newSession: (channel: ByteChannel, door: Door) => DoorSession;
  /** When the last connection is gone. */
  readonly onClosed?: () => Promise<void> | void;
}

/** Rejects with `MQ_INVALID_ARGUMENT`, or with Node's error when the port cannot be had. */
export async function listen(broker: Broker, options: CheckedProtocolDoorOptions, kind: DoorKind): Promise<DoorServer> {
  checkBroker('broker', broker);
  const { clock, random, onDefect } = options;
  const ownExchange = options.exchange === undefined ? createExchange(broker, { clock, random }) : undefined;
  const exchange = options.exchange ?? ownExchange;
  if (exchange === undefined) throw new MqError('MQ_INTERNAL', 'a door has an exchange');
  const farewells = new Farewells(onDefect);
  const admission = options.token === undefined ? options.admission : tokenAdmission(broker, options.token);
  const admitted = new AdmittedCallers(kind.name, admission, options.token !== undefined);
  const door: Door = {
    ...{ name: kind.name, broker, exchange, clock, random, farewells, onDefect },
    admit: (channel, credentials) =>
      admission === undefined ? Promise.resolve(broker) : admitted.admit(channel, credentials),
    nameOf: (view) => admission?.nameOf?.(view),
  };
  const gate = kind.webSocket && new WebSocketGate({ ...options, ...kind.webSocket, path: options.webSocketPath });
  const book = options.book ?? new ConnectionBook({ clock });
  const left = (channel: ByteChannel): void => admitted.left(channel);
  const listener = new Listener({
    ...options,
    schemes: kind.schemes,
    onRefused: (reason) => {
      book.refused(kind.name);
      options.onRefused?.(reason);
    },
    accept: (socket: Socket, onGone) => new Arrival({ socket, door, kind, gate, book, options, onGone, left }),
    settled: async () => {
      await farewells.settled();
      await kind.onClosed?.();
      ownExchange?.close();
    },
  });
  try {
    await listener.listen();
    farewells.add(exchange.lookForLeftovers());
  } catch (error) {
    ownExchange?.close();
    throw error;
  }
  return listener;
}

/** Who was let in on which connection. */
class AdmittedCallers {
  readonly #door: string;
  readonly #admission: Admission | undefined;
  readonly #wantsToken: boolean;
  readonly #admitted = new WeakMap<ByteChannel, Broker>();

  constructor(door: string, admission: Admission | undefined, wantsToken: boolean) {
    this.#door = door;
    this.#admission = admission;
    this.#wantsToken = wantsToken;
  }

  async admit(channel: ByteChannel, said: Credentials): Promise<Broker> {
    const { certificate, remoteAddress: address } = channel;
    // These protocols have a field for a password and none for a token.
    const token = said.token ?? (this.#wantsToken ? said.password : undefined);
    const shown = Object.entries({ ...said, token, certificate }).filter(
      ([, value]) => value !== undefined && value !== '',
    );
    const broker = await this.#admission?.admit(Object.fromEntries(shown), { door: this.#door, address });
    if (broker === undefined) throw new MqError('MQ_UNAUTHORIZED', 'nobody is let in');
    if (channel.isOver) {
      this.#admission?.leave?.(broker);
      throw new MqError('MQ_CONNECTION_LOST', 'the caller has gone');
    }
    this.#admitted.set(channel, broker);
    channel.booked.admitted(this.#admission?.nameOf?.(broker));
    return broker;
  }

  /** After all that its session had to do is done. */
  left(channel: ByteChannel): void {
    const broker = this.#admitted.get(channel);
    this.#admitted.delete(channel);
    if (broker !== undefined) this.#admission?.leave?.(broker);
  }
}

/** True for an error that the log should have, and the client only by name. */
export function isDefect(error: unknown): boolean {
  return !isMqError(error) || error.code === 'MQ_INTERNAL';
}
