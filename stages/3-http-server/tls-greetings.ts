/**
 * Connections to a port of TLS that have not come to the end of its handshake, and nothing of which can be understood yet.
 *
 *     connected --add--> greeting --done--> TLS       not done in `timeoutMs`, or the server stops: ended
 *
 * Always true: the time is for the whole handshake, and then the connection is over; Node's own time-out of it only tells, and leaves
 * the end to whoever listens. Every server with TLS has one.
 */
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../shared/clock.ts';

interface Greeting {
  readonly socket: Socket;
  readonly deadline: Timer;
}

export class TlsGreetings {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  /** By where they come from, which is all that a socket and the one TLS makes of it have in common. */
  readonly #greeting = new Map<string, Greeting>();

  constructor({ clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number }) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  add(socket: Socket): void {
    const place = placeOf(socket);
    const deadline = this.#clock.setTimer(() => socket.destroy(), this.#timeoutMs, { isBackground: true });
    this.#greeting.set(place, { socket, deadline });
    socket.once('close', () => {
      deadline.cancel();
      if (this.#greeting.get(place)?.socket === socket) this.#greeting.delete(place);
    });
  }

  /** `secure` is what TLS made of it. */
  done(secure: Socket): void {
    const place = placeOf(secure);
    this.#greeting.get(place)?.deadline.cancel();
    this.#greeting.delete(place);
  }

  destroyAll(): void {
    for (const { socket } of this.#greeting.values()) socket.destroy();
  }
}

function placeOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
