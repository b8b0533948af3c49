/**
 * Half messages of a client, and what a broker with filters can do besides: lookup by key, and topics for replies.
 *
 * Always true: each is a call in JSON; a half message has its id before it is first sent, and one whose answer is lost is not
 * sent again here. The client hands these operations out as its own.
 */
import type { Broker } from '../../../../shared/contract/broker.ts';
import { abortedError } from '../../../../shared/contract/errors.ts';
import type { LookupResult } from '../../../../shared/contract/filter.ts';
import type { HalfCheck, HalfReceipt } from '../../../../shared/contract/half-message.ts';
import type { Receipt, StoredRecord } from '../../../../shared/contract/message.ts';
import { checkMessage } from '../../../../shared/contract/validation.ts';
import { checkMessageOptions } from '../../../1-blocking-queue/checked-options.ts';
import { nameOf } from '../../../3-http-server/client-options.ts';
import type { ClientRules } from '../../../3-http-server/client-rules.ts';
import { outgoing } from '../../../3-http-server/client-send.ts';
import { type Bodied, type Json, recordOf, toJson } from '../../../3-http-server/json-message.ts';
import * as checks from '../../../3-http-server/later-options.ts';
import type { ClientCalls } from './client-calls.ts';
import type { Outbox } from './client-sending.ts';
import { refuse } from './fields-reader.ts';

export interface ClientHalvesParts {
  readonly rules: ClientRules;
  readonly calls: ClientCalls;
  readonly outbox: Outbox;
}

export class ClientHalves {
  readonly #parts: ClientHalvesParts;

  constructor(parts: ClientHalvesParts) {
    this.#parts = parts;
  }

  readonly sendHalf: Broker['sendHalf'] = async (topic, message, options) => {
    const { rules, calls, outbox } = this.#parts;
    rules.need('half-message', 'sendHalf');
    const name = rules.nameOf(topic);
    const checked = checkMessage('message', message, rules.limits);
    checkMessageOptions('message', message, rules);
    const { signal, timeoutMs, producerGroup, checkAfterMs } = checks.checkHalfOptions(options, rules);
    const json = toJson(outgoing(message, checked, () => outbox.nextId()));
    const asked = { producerGroup, checkAfterMs, timeoutMs, partition: options.partition };
    const kept = await calls.callWith(signal, 'sendHalf', name, json, asked);
    return (isObject(kept) ? kept : refuse('the half message', 'is none')) as HalfReceipt;
  };

  readonly endHalf: Broker['endHalf'] = async (topic, options) => {
    const { rules, calls } = this.#parts;
    rules.need('half-message', 'endHalf');
    const name = rules.nameOf(topic);
    return (await calls.callForObject('endHalf', name, checks.checkEndHalf(options))) as Receipt | null;
  };

  readonly receiveHalfChecks: Broker['receiveHalfChecks'] = async (producerGroup, options) => {
    const { rules, calls } = this.#parts;
    rules.need('half-message', 'receiveHalfChecks');
    const { signal, ...asked } = checks.checkHalfChecks(options, rules);
    const group = nameOf('producerGroup', producerGroup, rules.limits);
    const answer = await calls.poll(calls.callWith(signal, 'receiveHalfChecks', group, asked));
    // Nothing is to be given back: a question that nobody answers comes again.
    if (signal?.aborted) throw abortedError(signal);
    return answer === undefined ? [] : recordsIn<HalfCheck>(answer);
  };

  readonly lookup: Broker['lookup'] = async (topic, options) => {
    const { rules, calls } = this.#parts;
    rules.need('filters', 'lookup');
    const name = rules.nameOf(topic);
    const found = await calls.callForObject('lookup', name, checks.checkLookup(options, rules));
    if (found === null || !('records' in found)) return refuse('the result of lookup', 'has no records');
    return { ...(found as LookupResult), records: recordsIn<StoredRecord>(found.records) };
  };

  readonly createTemporaryTopic: Broker['createTemporaryTopic'] = async () => {
    const { rules, calls } = this.#parts;
    rules.need('filters', 'createTemporaryTopic');
    const topic = await calls.call('createTemporaryTopic');
    return typeof topic === 'string' ? topic : refuse('the topic', 'has no name');
  };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** With bytes for their texts. */
function recordsIn<R extends Pick<StoredRecord, 'body' | 'headers'>>(value: unknown): Bodied<Json<R>>[] {
  if (!Array.isArray(value)) return refuse('the records', 'are no list');
  return (value as readonly Json<R>[]).map((record) => recordOf(record));
}
