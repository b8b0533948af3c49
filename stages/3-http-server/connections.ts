/**
 * The open connections of a server: who is still there, and how all of them end.
 *
 *     open --> serving an answer --> open ...            drain: waits are cut short, the next answer is the last
 *       \__________ gone: the calls it waits in are aborted, so nothing is handed to nobody
 *
 * Always true: a connection has one AbortSignal, made when a call of its first needs it, and aborted once: with `GONE`
 * when the connection closes, with `DRAINING` when the server stops. One signal a connection and not one a request:
 * 10,000 waiting polls then cost no more than they must. The server owns it; routes ask for signals.
 */
import { setMaxListeners } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Reasons of an abort. */
export const GONE = 'the connection is closed';
export const DRAINING = 'the server is stopping';

interface Connection {
  /** I3: one for all calls of the connection, aborted once. */
  controller: AbortController | undefined;
  /** The latest answer on it, finished or not. */
  answer: ServerResponse | undefined;
}

export class Connections {
  readonly #open = new Map<Socket, Connection>();
  #isDraining = false;
  #refusedCount = 0;
  #whenEmpty: (() => void) | undefined;

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      const connection: Connection = { controller: undefined, answer: undefined };
      this.#open.set(socket, connection);
      socket.once('close', () => {
        this.#open.delete(socket);
        connection.controller?.abort(GONE);
        if (this.#open.size === 0) this.#whenEmpty?.();
      });
    });
    const refuse = (): void => {
      this.#refusedCount += 1;
    };
    server.on('drop', refuse);
    // A server that listens has no other errors; without a listener this one would end the process.
    server.on('listening', () => server.on('error', refuse));
  }

  get count(): number {
    return this.#open.size;
  }

  /** Connections that could not be taken: above the limit, or no file descriptor was left. */
  get refusedCount(): number {
    return this.#refusedCount;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** A request has arrived, and `answer` is where its answer goes. */
  begin(socket: Socket, answer: ServerResponse): void {
    const connection = this.#open.get(socket);
    if (connection !== undefined) connection.answer = answer;
  }

  /** True while an answer is on its way: nothing else may be written to the socket. */
  isAnswering(socket: Socket): boolean {
    const answer = this.#open.get(socket)?.answer;
    return answer?.headersSent === true && !answer.writableEnded;
  }

  /** Aborts when nobody waits for an answer any more, or nobody may. */
  signalOf(socket: Socket): AbortSignal {
    const connection = this.#open.get(socket);
    if (connection === undefined) return AbortSignal.abort(GONE);
    if (connection.controller === undefined) {
      connection.controller = new AbortController();
      // Pipelined calls of one connection may wait side by side.
      setMaxListeners(0, connection.controller.signal);
    }
    return connection.controller.signal;
  }

  /** Ends all waits, lets each connection finish its answer, and resolves when the last one is closed. */
  drain(): Promise<void> {
    this.#isDraining = true;
    for (const [socket, connection] of this.#open) {
      endAfterAnswer(socket, connection.answer);
      connection.controller?.abort(DRAINING);
    }
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEmpty = resolve;
    });
  }

  /** Closes everything now. */
  destroyAll(): void {
    for (const socket of this.#open.keys()) socket.destroy();
  }
}

function endAfterAnswer(socket: Socket, answer: ServerResponse | undefined): void {
  if (answer === undefined || answer.writableEnded) socket.end();
  else if (answer.headersSent) answer.once('close', () => socket.end());
  else answer.setHeader('connection', 'close');
}
