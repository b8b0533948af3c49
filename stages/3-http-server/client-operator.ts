/**
 * What a client asks for somebody who looks after a broker: pause and resume, dead letters, where a message is, and the
 * inside of a topic.
 *
 * Always true: an option is checked before anything is asked. The client hands these operations out as its own.
 */
import type { Broker, DeadLetterOptions } from '../../shared/contract/broker.ts';
import * as reading from '../2-ring-buffer/reading-options.ts';
import * as answers from './client-answers.ts';
import * as asking from './client-options.ts';
import { type Requests, SAFE_DONE } from './client-requests.ts';
import type { ClientRules } from './client-rules.ts';
import { queryOf } from './wire.ts';

export class ClientOperator {
  readonly #rules: ClientRules;
  readonly #requests: Requests;

  constructor(rules: ClientRules, requests: Requests) {
    this.#rules = rules;
    this.#requests = requests;
  }

  readonly pause: Broker['pause'] = async (topic, options) => {
    this.#rules.need('group-modes', 'pause');
    await this.#requests.put(this.#pausePath(topic, options), {}, SAFE_DONE);
  };

  readonly resume: Broker['resume'] = async (topic, options) => {
    this.#rules.need('group-modes', 'resume');
    await this.#requests.delete(this.#pausePath(topic, options), SAFE_DONE);
  };

  readonly redrive: Broker['redrive'] = async (topic, options) => {
    this.#rules.need('dead-letter', 'redrive');
    return this.#changeDeadLetters('redrive', topic, options);
  };

  readonly dropDeadLetters: Broker['dropDeadLetters'] = async (topic, options) => {
    this.#rules.need('dead-letter', 'dropDeadLetters');
    return this.#changeDeadLetters('drop', topic, options);
  };

  readonly explain: Required<Broker>['explain'] = async (topic, options) => {
    const path = this.#rules.pathOf(topic, 'explain');
    return answers.readExplanation(await this.#requests.get(path + queryOf({ id: asking.idOf(options) })));
  };

  readonly inspect: Required<Broker>['inspect'] = async (topic, options) => {
    const path = this.#rules.pathOf(topic, 'inside');
    reading.checkInspectOptions(options, this.#rules);
    return answers.readInside(await this.#requests.get(path + queryOf({ max: options?.max })));
  };

  #pausePath(topic: string, options: { readonly group?: string } | undefined): string {
    return this.#rules.pathOf(topic, ...asking.pausedPart(options, this.#rules.limits));
  }

  /** Never repeated: what the first request did is counted in an answer that was lost. */
  async #changeDeadLetters(change: string, topic: string, options?: DeadLetterOptions): Promise<number> {
    const { group, chosen } = asking.deadLetters(options, this.#rules.limits);
    const path = this.#rules.pathOf(topic, 'groups', group, 'dead-letters', change);
    return answers.readCount(await this.#requests.post(path, chosen, {}));
  }
}
