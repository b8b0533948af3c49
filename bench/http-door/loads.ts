/**
 * The requests of each scenario, as autocannon sends them, numbered and counted.
 *
 * Always true: a number is `attempted` before its request leaves and `sent` when the answer says 200; what a connection
 * had open when the load ended stays unanswered. autocannon gives each connection one context at a time, and starts a
 * new one when its list of requests begins again.
 */
import type { Request } from 'autocannon';
import { encodeMessages, MESSAGES_TYPE } from '../../stages/3-http-server/message-codec.ts';
import { BODY_BYTES, numberedBody, numberedText, numberInText, type Tally, writeNumber } from '../tally.ts';

/** Messages in one binary batch. */
export const BATCH_COUNT = 100;

export interface LoadOptions {
  readonly topic: string;
  readonly tally: Tally;
}

/** One JSON message a request. */
export function singlePosts({ topic, tally }: LoadOptions): Request[] {
  let nextNumber = 0;
  return [
    {
      method: 'POST',
      path: messagesPath(topic),
      headers: { 'content-type': 'application/json' },
      setupRequest: (request, context) => {
        const number = nextNumber;
        nextNumber += 1;
        tally.attempt(number);
        Object.assign(context, { number });
        return { ...request, body: singleBody(number) };
      },
      onResponse: (status, _body, context) => {
        if (status === 200) tally.sent(numberOf(context));
      },
    },
  ];
}

export function singleBody(number: number): string {
  return `{"body":"${numberedText(number)}"}`;
}

export function messagesPath(topic: string): string {
  return `/topics/${topic}/messages`;
}

/** 100 messages a request, in the binary format. */
export function batchPosts({ topic, tally }: LoadOptions): Request[] {
  const template = new BatchTemplate();
  let nextNumber = 0;
  return [
    {
      method: 'POST',
      path: messagesPath(topic),
      headers: { 'content-type': MESSAGES_TYPE },
      setupRequest: (request, context) => {
        const number = nextNumber;
        nextNumber += BATCH_COUNT;
        for (let each = number; each < nextNumber; each += 1) tally.attempt(each);
        Object.assign(context, { number });
        // autocannon copies the body into the request before anybody asks for the next one.
        return { ...request, body: template.beginAt(number) };
      },
      onResponse: (status, _body, context) => {
        const number = numberOf(context);
        if (status === 200) for (let each = number; each < number + BATCH_COUNT; each += 1) tally.sent(each);
      },
    },
  ];
}

/** The bytes of one batch, renumbered in place: encoding anew would cost the load more than the server's decoding. */
class BatchTemplate {
  readonly #bytes: Buffer;

  constructor() {
    const messages = Array.from({ length: BATCH_COUNT }, (_, number) => ({ body: numberedBody(number) }));
    this.#bytes = Buffer.from(encodeMessages(messages));
  }

  beginAt(number: number): Buffer {
    const entryBytes = (this.#bytes.length - 4) / BATCH_COUNT;
    for (let index = 0; index < BATCH_COUNT; index += 1) {
      // A body is the last part of its entry.
      const position = 4 + (index + 1) * entryBytes - BODY_BYTES;
      writeNumber(this.#bytes, position, number + index);
    }
    return this.#bytes;
  }
}

/** Receives one message and, where there are leases, acknowledges it. Throws when it finds the topic empty. */
export function receives({ topic, tally, hasLease }: LoadOptions & { readonly hasLease: boolean }): Request[] {
  const receive: Request = {
    method: 'POST',
    path: `/topics/${topic}/deliveries`,
    headers: { 'content-type': 'application/json' },
    body: '{"max":1}',
    onResponse: (_status, body, context) => {
      const [delivery] = (JSON.parse(body) as { deliveries: ReceivedDelivery[] }).deliveries;
      if (delivery === undefined)
        throw new Error('the topic ran empty under load: the run is longer than its messages');
      tally.received(numberInText(delivery.body));
      Object.assign(context, { delivery });
    },
  };
  const ack: Request = {
    method: 'POST',
    path: `/topics/${topic}/deliveries/ack`,
    headers: { 'content-type': 'application/json' },
    setupRequest: (request, context) => ({ ...request, body: ackBody(context) }),
  };
  return hasLease ? [receive, ack] : [receive];
}

interface ReceivedDelivery {
  readonly offset: number | null;
  readonly memberId: string;
  readonly leaseToken: string | null;
  readonly body: string;
}

/** Before the first receive was answered there is nothing to acknowledge: an empty list. */
function ackBody(context: object): string {
  const { delivery } = context as { delivery?: ReceivedDelivery };
  if (delivery === undefined) return '{"deliveries":[]}';
  const { offset, memberId, leaseToken } = delivery;
  return JSON.stringify({ deliveries: [{ offset, memberId, leaseToken }] });
}

function numberOf(context: object): number {
  return (context as { number: number }).number;
}
