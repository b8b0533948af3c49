/**
 * What a fetch answered: binary, as the client asks for, or JSON, which every server of the protocol speaks.
 *
 * Always true: an answer that is neither is `MQ_PROTOCOL`. The client calls it.
 */
import type { FetchResult } from '../../shared/contract/broker.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import { readFetched } from './client-answers.ts';
import type { Answer } from './exchange.ts';
import { decodeRecords, MESSAGES_TYPE } from './message-codec.ts';
import { notTheProtocol, numberInHeader } from './wire.ts';

export function fetchedIn(answer: Answer, from: { readonly topic: string; readonly partition: number }): FetchResult {
  if (!isBinary(answer)) return readFetched(answer);
  try {
    const hasStable = answer.headers['mq-last-stable-offset'] !== undefined;
    return {
      records: decodeRecords(answer.body, from),
      nextOffset: numberInHeader(answer, 'mq-next-offset'),
      logStartOffset: numberInHeader(answer, 'mq-log-start-offset'),
      highWatermark: numberInHeader(answer, 'mq-high-watermark'),
      ...(hasStable ? { lastStableOffset: numberInHeader(answer, 'mq-last-stable-offset') } : undefined),
    };
  } catch (error) {
    // To a server such bytes are its caller's mistake; here they are the server's.
    if (isMqError(error, 'MQ_INVALID_ARGUMENT'))
      throw notTheProtocol('records that are not in the binary format', error);
    throw error;
  }
}

/** A media type may have parameters, and its letters are of any size. */
function isBinary({ headers }: Answer): boolean {
  const type = headers['content-type'];
  return typeof type === 'string' && type.split(';', 1)[0]?.trim().toLowerCase() === MESSAGES_TYPE;
}
