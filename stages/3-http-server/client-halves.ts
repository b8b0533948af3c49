/**
 * Half messages of a client, and what a broker with filters can do besides: lookup by key, and topics for replies.
 *
 * Always true: a half message has its id before it is first sent; one whose answer is lost is not sent again here. The client
 * hands these operations out as its own.
 */
import type { Broker } from '../../shared/contract/broker.ts';
import * as answers from './client-answers.ts';
import { nameOf } from './client-options.ts';
import type { Outbox } from './client-outbox.ts';
import { type Requests, SAFE } from './client-requests.ts';
import type { ClientRules } from './client-rules.ts';
import * as checks from './later-options.ts';
import type { Call } from './transport.ts';
import { JSON_HEADERS, pathOf, queryOf } from './wire.ts';

export interface ClientHalvesParts {
  readonly rules: ClientRules;
  readonly requests: Requests;
  readonly outbox: Outbox;
}

export class ClientHalves {
  readonly #parts: ClientHalvesParts;

  constructor(parts: ClientHalvesParts) {
    this.#parts = parts;
  }

  readonly sendHalf: Broker['sendHalf'] = async (topic, message, options) => {
    const { rules, outbox } = this.#parts;
    rules.need('half-message', 'sendHalf');
    const path = rules.pathOf(topic, 'halves');
    const { producerGroup, checkAfterMs, signal, timeoutMs } = checks.checkHalfOptions(options, rules);
    const room = { partition: options.partition, signal, timeoutMs, query: { producerGroup, checkAfterMs } };
    return answers.readHalf(await outbox.oneAs(path, message, room));
  };

  readonly endHalf: Broker['endHalf'] = async (topic, options) => {
    const { rules, requests } = this.#parts;
    rules.need('half-message', 'endHalf');
    const { halfId, outcome } = checks.checkEndHalf(options);
    const path = rules.pathOf(topic, 'halves', halfId, 'end');
    // The first answer holds, and repeating it succeeds.
    return answers.readEndHalf(await requests.post(path, { outcome }, SAFE));
  };

  readonly receiveHalfChecks: Broker['receiveHalfChecks'] = async (producerGroup, options) => {
    const { rules, requests } = this.#parts;
    rules.need('half-message', 'receiveHalfChecks');
    const path = pathOf('half-checks', nameOf('producerGroup', producerGroup, rules.limits));
    const { max, waitMs, signal } = checks.checkHalfChecks(options, rules);
    const callOf = (leftMs: number): Call => {
      const body = JSON.stringify(leftMs === 0 ? { max } : { max, waitMs: leftMs });
      return { method: 'POST', path, headers: JSON_HEADERS, body, signal, isRepeatable: true };
    };
    const answer = await requests.poll({ waitMs, signal, callOf });
    return answer === undefined ? [] : answers.readHalfChecks(answer);
  };

  readonly lookup: Broker['lookup'] = async (topic, options) => {
    const { rules, requests } = this.#parts;
    rules.need('filters', 'lookup');
    const path = rules.pathOf(topic, 'records-by-key');
    return answers.readLookup(await requests.get(path + queryOf({ ...checks.checkLookup(options, rules) })));
  };

  readonly createTemporaryTopic: Broker['createTemporaryTopic'] = async () => {
    const { rules, requests } = this.#parts;
    rules.need('filters', 'createTemporaryTopic');
    return answers.readTemporaryTopic(await requests.post(pathOf('temporary-topics'), {}, {}));
  };
}
