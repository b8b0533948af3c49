/**
 * Reading a log: from an offset on, and by key. Records go out as JSON, or fetched ones in the binary format.
 *
 * Always true: a fetch that waits ends when its caller goes; reading moves and takes nothing. Added by the server.
 */
import type { FetchResult } from '../../../shared/contract/broker.ts';
import { accepts } from '../accept.ts';
import type { Door, Routes } from '../door.ts';
import { toJson } from '../json-message.ts';
import { encodeMessages, MESSAGES_TYPE } from '../message-codec.ts';
import { FetchAnswer, FetchQuery, LookupAnswer, LookupQuery, TopicPath } from '../schemas.ts';
import { ok, okOrBytes } from './answers.ts';

/** What stands beside records in the binary format. */
const FETCH_FIELDS = {
  'mq-next-offset': 'beside binary records: where to continue',
  'mq-log-start-offset': 'beside binary records: the first offset held',
  'mq-high-watermark': 'beside binary records: the offset the next record gets',
  'mq-last-stable-offset': 'beside binary records: where the first open transaction begins (capability "transactions")',
};

export function addRecordRoutes(routes: Routes, door: Door): void {
  const get = {
    summary: 'Fetch records from an offset',
    params: TopicPath,
    querystring: FetchQuery,
    response: okOrBytes(FetchAnswer, { mediaType: MESSAGES_TYPE, fields: FETCH_FIELDS }),
  };
  routes.get('/topics/:topic/messages', { schema: get }, async (request, reply) => {
    const { topic } = request.params;
    const broker = door.brokerOf(request);
    const { records, ...place } = await door.wait(
      request,
      (signal) => broker.fetch(topic, { ...request.query, signal }),
      () => broker.fetch(topic, { ...request.query, waitMs: 0 }),
    );
    if (!accepts(request.headers.accept, MESSAGES_TYPE)) return { records: records.map(toJson), ...place };
    return reply.headers(fieldsOf(place)).type(MESSAGES_TYPE).send(encodeMessages(records));
  });

  const lookup = {
    summary: 'Records with a key',
    params: TopicPath,
    querystring: LookupQuery,
    response: ok(LookupAnswer),
  };
  routes.get('/topics/:topic/records-by-key', { schema: lookup }, async (request) => {
    const { records, ...place } = await door.brokerOf(request).lookup(request.params.topic, request.query);
    return { records: records.map(toJson), ...place };
  });
}

function fieldsOf(place: Omit<FetchResult, 'records'>): Record<string, number> {
  const { nextOffset, logStartOffset, highWatermark, lastStableOffset } = place;
  return {
    'mq-next-offset': nextOffset,
    'mq-log-start-offset': logStartOffset,
    'mq-high-watermark': highWatermark,
    ...(lastStableOffset === undefined ? {} : { 'mq-last-stable-offset': lastStableOffset }),
  };
}
