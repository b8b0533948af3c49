/**
 * Sends of a client: how a message travels, and how a send waits for room over a wire that answers within a minute.
 *
 *     POST ...?timeoutMs=0          nearly always there is room: no waiting, a connection of the lane `calls`
 *        429 MQ_QUEUE_FULL
 *     POST ...?timeoutMs=60000      waits in the lane `blocked`, and again, until there is room or the time is over
 *
 * Always true: a request is repeated only after the server said that nothing was stored: because the topic is full, or
 * because it does not read the form the message came in. The client calls it.
 */
import type { Clock } from '../../shared/clock.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import type { Message } from '../../shared/contract/message.ts';
import type { CheckedMessage } from '../../shared/contract/validation.ts';
import { toJson } from './json-message.ts';
import { encodeMessages, MESSAGES_TYPE } from './message-codec.ts';
import { encodeRawHeaders } from './raw-message.ts';
import { SEND_TIMEOUT_MS_MAX } from './server-options.ts';
import type { Answer, Call, Transport } from './transport.ts';
import { JSON_HEADERS, queryOf } from './wire.ts';

/** Key, id and headers beyond this travel in the body instead of request headers. */
const RAW_HEADER_BYTES_MAX = 8 * 1024;

type Carried = Pick<Call, 'headers' | 'body'>;

/** A message as it leaves: checked, and (I10) with the id it keeps, made before its first request. */
export type Outgoing = Omit<Message, 'body' | 'id'> & { readonly body: Uint8Array; readonly id: string };

export interface RoomOptions {
  readonly partition: number;
  /** undefined: wait without end. */
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** `checked` has the body as bytes; what needs a capability is still in the caller's message. */
export function outgoing(message: Message, checked: CheckedMessage, nextId: () => string): Outgoing {
  const { delayMs, deliverAt, ttlMs, priority } = message;
  const { body, key, headers } = checked;
  return { body, key, headers, id: checked.id ?? nextId(), delayMs, deliverAt, ttlMs, priority };
}

export class Sender {
  readonly #transport: Transport;
  readonly #clock: Clock;
  /** True once the server said that it reads nothing else: the least that a server of the protocol reads. */
  #isJsonOnly = false;

  constructor(transport: Transport, clock: Clock) {
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
    { partition, timeoutMs = Number.POSITIVE_INFINITY, signal }: RoomOptions,
  ): Promise<Answer> {
    const startedMs = this.#clock.monotonicMs();
    let askedMs = 0;
    for (;;) {
      const postedMs = this.#clock.monotonicMs();
      const query = queryOf({ partition: partition === 0 ? undefined : partition, timeoutMs: askedMs });
      const lane = askedMs === 0 ? 'calls' : 'blocked';
      try {
        const wait = { lane, waitMs: askedMs, signal } as const;
        return await this.#transport.request({ method: 'POST', path: path + query, ...carried, ...wait });
      } catch (error) {
        const nowMs = this.#clock.monotonicMs();
        const leftMs = timeoutMs - (nowMs - startedMs);
        // An answer before the time is over is the topic's own word: it refuses when full, and would again.
        const isFinal = nowMs - postedMs < askedMs;
        if (!isMqError(error, 'MQ_QUEUE_FULL') || isFinal || leftMs <= 0) throw error;
        askedMs = Math.ceil(Math.min(leftMs, SEND_TIMEOUT_MS_MAX));
      }
    }
  }
}
