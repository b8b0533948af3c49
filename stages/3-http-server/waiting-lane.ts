/**
 * Connections for requests that wait at the server: one each, and never more than so many.
 *
 *     acquire --> a free line, a new one, or the first that is given back     (undefined: none in time)
 *     release --> to whoever has waited longest, else free again
 *
 * Half of a connection can be closed: the server then knows that nobody waits any more, and closes its half behind the
 * answer it has given or without one. So whoever half-closes learns for certain whether there is an answer, and nothing
 * falls between "it had not been answered" and "its answer was on the way".
 *
 * Always true: a line carries one request at a time; whoever waits for a line is served in order, and leaves in time.
 * The transport owns two.
 */
import type { Socket } from 'node:net';
import { buildConnector, Client, type Dispatcher } from 'undici';
import type { Clock } from '../../shared/clock.ts';
import { WaiterLine } from '../1-blocking-queue/waiter-line.ts';
import { closedError } from './transport-error.ts';

export interface LineOptions {
  readonly origin: string;
  readonly connect: buildConnector.BuildOptions;
  readonly answerBytesMax: number;
}

/** One connection; it comes back by itself when it breaks. */
export class Line {
  readonly #client: Client;
  #socket: Socket | undefined;
  #isHalfClosed = false;

  constructor({ origin, connect: how, answerBytesMax }: LineOptions) {
    const connect = buildConnector(how);
    this.#client = new Client(origin, {
      maxResponseSize: answerBytesMax,
      connect: (options, callback) => {
        connect(options, (...result) => {
          this.#socket = result[1] ?? undefined;
          callback(...result);
        });
      },
    });
  }

  dispatch(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#client.dispatch(request, handler);
  }

  /** Says that nothing more is asked on this connection. */
  halfClose(): void {
    this.#isHalfClosed = true;
    this.#socket?.end();
  }

  /** Ready for the next request: on a connection of which both halves are open. */
  renew(): void {
    if (this.#isHalfClosed) this.#socket?.destroy();
    this.#isHalfClosed = false;
  }

  async destroy(): Promise<void> {
    await this.#client.destroy();
  }
}

export interface WaitingLaneOptions extends LineOptions {
  readonly clock: Clock;
  readonly linesMax: number;
}

export class WaitingLane {
  readonly #options: WaitingLaneOptions;
  readonly #all = new Set<Line>();
  /** The one used last comes first: its connection is the likeliest to be open. */
  readonly #free: Line[] = [];
  readonly #waiting: WaiterLine<undefined, Line | undefined>;

  constructor(options: WaitingLaneOptions) {
    this.#options = options;
    this.#waiting = new WaiterLine({ clock: options.clock, calls: 'calls for a connection' });
  }

  /** undefined when none became free in time. */
  async acquire(options: {
    readonly withinMs: number;
    readonly signal: AbortSignal | undefined;
  }): Promise<Line | undefined> {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#all.size < this.#options.linesMax) {
      const line = new Line(this.#options);
      this.#all.add(line);
      return line;
    }
    const { withinMs, signal } = options;
    return this.#waiting.wait(undefined, { signal, timeoutMs: withinMs, onTimeout: () => undefined });
  }

  release(line: Line): void {
    line.renew();
    const next = this.#waiting.first;
    if (next === undefined) this.#free.push(line);
    else next.serve(line);
  }

  /** Nobody waits for a line any more. */
  close(): void {
    this.#waiting.settleAll((waiter) => waiter.fail(closedError()));
  }

  async destroy(): Promise<void> {
    this.close();
    await Promise.all(Array.from(this.#all, (line) => line.destroy()));
  }
}
