/**
 * What a client asks for somebody who looks after a broker: pause and resume, dead letters, where a message is, and the
 * inside of a topic.
 *
 * Always true: each is one call in JSON. The client hands these operations out as its own.
 */
import type { Broker } from '../../../../shared/contract/broker.ts';
import type { Explanation } from '../../../../shared/contract/explanation.ts';
import type { Inside } from '../../../../shared/contract/inside.ts';
import { checkInspectOptions } from '../../../2-ring-buffer/reading-options.ts';
import { idOf } from '../../../3-http-server/client-options.ts';
import type { ClientRules } from '../../../3-http-server/client-rules.ts';
import type { ClientCalls } from './client-calls.ts';

export class ClientOperator {
  readonly #rules: ClientRules;
  readonly #calls: ClientCalls;

  constructor(rules: ClientRules, calls: ClientCalls) {
    this.#rules = rules;
    this.#calls = calls;
  }

  readonly pause: Broker['pause'] = async (topic, options) => {
    this.#rules.need('group-modes', 'pause');
    await this.#calls.call('pause', this.#rules.nameOf(topic), options);
  };

  readonly resume: Broker['resume'] = async (topic, options) => {
    this.#rules.need('group-modes', 'resume');
    await this.#calls.call('resume', this.#rules.nameOf(topic), options);
  };

  readonly redrive: Broker['redrive'] = async (topic, options) => {
    this.#rules.need('dead-letter', 'redrive');
    return this.#calls.callForNumber('redrive', this.#rules.nameOf(topic), options);
  };

  readonly dropDeadLetters: Broker['dropDeadLetters'] = async (topic, options) => {
    this.#rules.need('dead-letter', 'dropDeadLetters');
    return this.#calls.callForNumber('dropDeadLetters', this.#rules.nameOf(topic), options);
  };

  readonly explain: Required<Broker>['explain'] = async (topic, options) => {
    const id = idOf(options);
    return (await this.#calls.callForObject('explain', this.#rules.nameOf(topic), { id })) as Explanation | null;
  };

  readonly inspect: Required<Broker>['inspect'] = async (topic, options) => {
    const name = this.#rules.nameOf(topic);
    checkInspectOptions(options, this.#rules);
    return (await this.#calls.callForObject('inspect', name, options)) as Inside;
  };
}
