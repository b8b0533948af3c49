/**
 * Sends of a client: how a message travels, and how a send waits for room over a wire that answers within a minute.
 *
 *     POST ...?timeoutMs=0          nearly always there is room: no waiting, a connection of the lane `calls`
 *        429 MQ_QUEUE_FULL
 *     POST ...?timeoutMs=60000      waits in the lane `blocked`, and again, until there is room or the time is over
 *
 * Always true: a request is repeated only after the server said that nothing was stored. The client calls it.
 */
import type { Clock } from '../../shared/clock.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import type { Message } from '../../shared/contract/message.ts';
import type { CheckedMessage } from '../../shared/contract/validation.ts';
import { type JsonMessage, toJson } from './json-message.ts';
import { encodeMessages, MESSAGES_TYPE } from './message-codec.ts';
import { encodeRawHeaders } from './raw-message.ts';
import { SEND_TIMEOUT_MS_MAX } from './server-options.ts';
import type { Answer, Call, Transport } from './transport.ts';
import { JSON_HEADERS, queryOf } from './wire.ts';

/** Key, id and headers beyond this travel in the body instead of request headers. */
const RAW_HEADER_BYTES_MAX = 8 * 1024;

type Carried = Pick<Call, 'headers' | 'body'>;

/** A message as it leaves: checked, and with the id it keeps. */
export type Outgoing = Omit<Message, 'body' | 'id'> & { readonly body: Uint8Array; readonly id: string };

/** `checked` has the body as bytes; what needs a capability is still in the caller's message. */
export function outgoing(message: Message, checked: CheckedMessage, nextId: () => string): Outgoing {
  const { delayMs, deliverAt, ttlMs, priority } = message;
  const { body, key, headers } = checked;
  return { body, key, headers, id: checked.id ?? nextId(), delayMs, deliverAt, ttlMs, priority };
}

/** Raw where request headers can carry what is beside the body; else JSON. */
export function carryOne(message: Outgoing): Carried {
  const headers = encodeRawHeaders(message, RAW_HEADER_BYTES_MAX);
  if (headers !== undefined) return { headers, body: message.body };
  const json: JsonMessage = toJson(message);
  return { headers: JSON_HEADERS, body: JSON.stringify(json) };
}

export function carryMany(messages: readonly Outgoing[]): Carried {
  return { headers: { 'content-type': MESSAGES_TYPE }, body: encodeMessages(messages) };
}

export interface RoomOptions {
  readonly clock: Clock;
  readonly partition: number;
  /** undefined: wait without end. */
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Posts `carried` to `path`, waiting for room as long as `options` say. */
export async function sendWithRoom(
  transport: Transport,
  call: Carried & { readonly path: string },
  { clock, partition, timeoutMs = Number.POSITIVE_INFINITY, signal }: RoomOptions,
): Promise<Answer> {
  const startedMs = clock.monotonicMs();
  const post = (waitMs: number, lane: Call['lane']): Promise<Answer> => {
    const path = call.path + queryOf({ partition: partition === 0 ? undefined : partition, timeoutMs: waitMs });
    return transport.request({ ...call, method: 'POST', path, lane, waitMs, signal });
  };
  let askedMs = 0;
  for (;;) {
    const postedMs = clock.monotonicMs();
    try {
      return await post(askedMs, askedMs === 0 ? 'calls' : 'blocked');
    } catch (error) {
      const leftMs = timeoutMs - (clock.monotonicMs() - startedMs);
      // An answer before the time is over is the topic's own word: it refuses when full, and would again.
      const isFinal = clock.monotonicMs() - postedMs < askedMs;
      if (!isMqError(error, 'MQ_QUEUE_FULL') || isFinal || leftMs <= 0) throw error;
      askedMs = Math.ceil(Math.min(leftMs, SEND_TIMEOUT_MS_MAX));
    }
  }
}
