/**
 * A broker behind a TCP port, as docs/protocol-tcp.md says.
 *
 *     Listener --> Session --> RequestDesk --> broker           any number of sessions, one broker, any Broker
 *
 * Always true: it never closes the broker it was given; `close` settles, with every request that was read answered if the
 * time allows, and with every socket closed. `createTcpServer` makes it.
 */
import type { Broker, CloseOptions } from '../../../../shared/contract/broker.ts';
import { checkBroker } from '../../../../shared/contract/validation.ts';
import type { TlsOptions } from '../../../3-http-server/tls.ts';
import { tokenAdmission } from '../../../3-http-server/token-admission.ts';
import { Farewells } from '../farewells.ts';
import { Listener } from '../listener.ts';
import type { Door } from './door.ts';
import { Members } from './members.ts';
import { type CheckedTcpServerOptions, checkTcpServerOptions, type TcpServerOptions } from './server-options.ts';
import { Session } from './session.ts';

/** A listening server. Closing it leaves the broker open. */
export interface TcpServer extends AsyncDisposable {
  readonly port: number;
  /** `mq://host:port`, or `mqs:` with TLS, for `createTcpClient`. */
  readonly url: string;
  /** Connections now, with those that have not said hello. */
  readonly connectionCount: number;
  /** For connections made from now on: another certificate and key. `MQ_INVALID_ARGUMENT` on a server without TLS. */
  setTls(tls: TlsOptions): void;
  close(options?: CloseOptions): Promise<void>;
}

/** Serves `broker` over TCP. Rejects with `MQ_INVALID_ARGUMENT`, or with Node's error when the port cannot be had. */
export async function createTcpServer(broker: Broker, options?: TcpServerOptions): Promise<TcpServer> {
  const checked = checkTcpServerOptions(options);
  const door = doorOf(checkBroker('broker', broker), checked);
  const listener = new Listener({
    ...checked,
    schemes: { plain: 'mq', tls: 'mqs' },
    accept: (socket, onGone) => new Session(socket, door, onGone),
    settled: async () => {
      await door.members.settled();
      await door.farewells.settled();
    },
  });
  await listener.listen();
  return listener;
}

function doorOf(broker: Broker, options: CheckedTcpServerOptions): Door {
  const { clock, random, onDefect, onRefused, token, admission } = options;
  return {
    broker,
    options,
    admission: token === undefined ? admission : tokenAdmission(broker, token),
    members: new Members(broker, { clock, onDefect }),
    farewells: new Farewells(onDefect),
    nextMemberId: () => `member-${random.hex(8)}`,
    onDefect,
    onRefused,
  };
}
