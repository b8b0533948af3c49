/**
 * Sends of a client: how a message travels, and how a send waits for room over a wire that answers within a minute.
 *
 *     POST ...?timeoutMs=0          nearly always there is room: no waiting, a connection of the lane `calls`
 *        429 MQ_QUEUE_FULL
 *     POST ...?timeoutMs=60000      waits in the lane `blocked`, and again, until there is room or the time is over
 *
 * Always true: a request is repeated only after the server said that nothing was stored (because the topic is full, or
 * because it does not read the form the message came in), or when a producer numbered it, so that the broker knows it again.
 * The client calls it.
 */
import type { Clock } from '../../shared/clock.ts';
import { isMqError, MqError } from '../../shared/contract/errors.ts';
import type { Message } from '../../shared/contract/message.ts';
import type { CheckedMessage } from '../../shared/contract/validation.ts';
import type { Answer } from './exchange.ts';
import { toJson } from './json-message.ts';
import { encodeMessages, MESSAGES_TYPE } from './message-codec.ts';
import { encodeRawHeaders } from './raw-message.ts';
import { SEND_TIMEOUT_MS_MAX } from './server-options.ts';
import type { Call, Transport } from './transport.ts';
import { JSON_HEADERS, queryOf } from './wire.ts';

/** Key, id and headers beyond this travel in the body instead of request headers. */
const RAW_HEADER_BYTES_MAX = 8 * 1024;
/** An answer in less than this part of the time it was allowed did not wait for it. */
const EARLY_FRACTION = 0.5;

type Carried = Pick<Call, 'headers' | 'body'>;

/**
 * A message as it leaves: checked, and (I10) with the id it keeps, made before its first request. Without one only when a
 * producer numbered it: then the number makes it known, and the id is that of the first time.
 */
export type Outgoing = Omit<Message, 'body' | 'id'> & { readonly body: Uint8Array; readonly id: string | undefined };

export interface RoomOptions {
  /** undefined: the broker chooses. */
  readonly partition: number | undefined;
  /** undefined: wait without end. */
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** What the route is told besides. */
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** The broker recognises a repetition, so a lost answer is no reason to give up. */
  readonly isRepeatable?: boolean;
}

/** `checked` has the body as bytes; what needs a capability is still in the caller's message. */
export function outgoing(message: Message, checked: CheckedMessage, nextId: () => string | undefined): Outgoing {
  const { delayMs, deliverAt, ttlMs, priority } = message;
  const { body, key, headers } = checked;
  return { body, key, headers, id: checked.id ?? nextId(), delayMs, deliverAt, ttlMs, priority };
}

/** What carries the requests. */
type Wire = Pick<Transport, 'request' | 'wait'>;

export class Sender {
  readonly #transport: Wire;
  readonly #clock: Clock;
  /** True once the server said that it reads nothing else: the least that a server of the protocol reads. */
  #isJsonOnly = false;

  constructor(transport: Wire, clock: Clock) {
    this.#transport = transport;
    this.#clock = clock;
  }

  /** Raw where request headers can carry what is beside the body; else JSON. */
  sendOne(path: string, message: Outgoing, options: RoomOptions): Promise<Answer> {
    const headers = encodeRawHeaders(message, RAW_HEADER_BYTES_MAX);
    const raw = headers === undefined ? undefined : () => ({ headers, body: message.body });
    return this.#send(path, { dense: raw, json: () => toJson(message) }, options);
  }

  /** In the binary format. */
  sendMany(path: string, messages: readonly Outgoing[], options: RoomOptions): Promise<Answer> {
    const binary = () => ({ headers: { 'content-type': MESSAGES_TYPE }, body: encodeMessages(messages) });
    return this.#send(path, { dense: binary, json: () => ({ messages: messages.map(toJson) }) }, options);
  }

  async #send(
    path: string,
    forms: { readonly dense: (() => Carried) | undefined; readonly json: () => object },
    options: RoomOptions,
  ): Promise<Answer> {
    if (forms.dense !== undefined && !this.#isJsonOnly) {
      try {
        return await this.#withRoom(path, forms.dense(), options);
      } catch (error) {
        if (!isMqError(error, 'MQ_UNSUPPORTED_MEDIA_TYPE')) throw error;
        this.#isJsonOnly = true;
      }
    }
    return this.#withRoom(path, { headers: JSON_HEADERS, body: JSON.stringify(forms.json()) }, options);
  }

  async #withRoom(
    path: string,
    carried: Carried,
    { partition, timeoutMs = Number.POSITIVE_INFINITY, signal, query, isRepeatable }: RoomOptions,
  ): Promise<Answer> {
    const startedMs = this.#clock.monotonicMs();
    const callOf = (askedMs: number): Call => {
      const asked = path + queryOf({ partition, timeoutMs: askedMs, ...query });
      return { method: 'POST', path: asked, ...carried, signal, isRepeatable };
    };
    let waitMs = 0;
    for (;;) {
      const postedMs = this.#clock.monotonicMs();
      try {
        if (waitMs === 0) return await this.#transport.request(callOf(0));
        const answer = await this.#transport.wait({ lane: 'blocked', waitMs, signal, callOf });
        if (answer !== undefined) return answer;
      } catch (error) {
        if (!isMqError(error, 'MQ_QUEUE_FULL') || this.#isLastWord(waitMs, postedMs)) throw error;
        if (this.#clock.monotonicMs() - startedMs >= timeoutMs) throw error;
      }
      const leftMs = timeoutMs - (this.#clock.monotonicMs() - startedMs);
      if (leftMs <= 0) throw noConnectionError();
      waitMs = Math.ceil(Math.min(leftMs, SEND_TIMEOUT_MS_MAX));
    }
  }

  /**
   * "Full" long before the time is over is the topic's own word: it refuses when full, and would again. Only long before:
   * the time was measured at the server, and no two clocks run alike.
   */
  #isLastWord(waitMs: number, postedMs: number): boolean {
    return this.#clock.monotonicMs() - postedMs < waitMs * EARLY_FRACTION;
  }
}

/** All the time was spent waiting for a connection: as many sends as may wait already do. */
function noConnectionError(): MqError {
  const message = 'the topic was full, and no connection became free on which to wait for room';
  return new MqError('MQ_QUEUE_FULL', message);
}
