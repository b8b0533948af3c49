/**
 * What a fetch answered: binary, as the client asks for, or JSON, which every server of the protocol speaks.
 *
 * Always true: an answer that is neither is `MQ_PROTOCOL`. The client calls it.
 */
import type { FetchResult } from '../../shared/contract/broker.ts';
import { isMqError } from '../../shared/contract/errors.ts';
import type { StoredRecord } from '../../shared/contract/message.ts';
import { type Json, recordOf } from './json-message.ts';
import { decodeRecords, MESSAGES_TYPE } from './message-codec.ts';
import type { Answer } from './transport.ts';
import { arrayIn, notTheProtocol, numberIn, numberInHeader } from './wire.ts';

export function fetchedIn(answer: Answer, from: { readonly topic: string; readonly partition: number }): FetchResult {
  if (answer.headers['content-type'] !== MESSAGES_TYPE) {
    return {
      records: arrayIn<Json<StoredRecord>>(answer, 'records').map(recordOf<StoredRecord>),
      nextOffset: numberIn(answer, 'nextOffset'),
      logStartOffset: numberIn(answer, 'logStartOffset'),
      highWatermark: numberIn(answer, 'highWatermark'),
    };
  }
  try {
    return {
      records: decodeRecords(answer.body, from),
      nextOffset: numberInHeader(answer, 'mq-next-offset'),
      logStartOffset: numberInHeader(answer, 'mq-log-start-offset'),
      highWatermark: numberInHeader(answer, 'mq-high-watermark'),
    };
  } catch (error) {
    // To a server such bytes are its caller's mistake; here they are the server's.
    if (isMqError(error, 'MQ_INVALID_ARGUMENT'))
      throw notTheProtocol('records that are not in the binary format', error);
    throw error;
  }
}
