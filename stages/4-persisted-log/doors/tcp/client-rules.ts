/**
 * What the parts of a client share before they ask: what the broker has, whether the client is open, and what a topic is
 * called.
 *
 * Always true: what the broker does not have is refused first, open or closed, since that is a fact of the broker.
 */
import type { Capability } from '../../../../shared/contract/capabilities.ts';
import type { Limits } from '../../../../shared/contract/limits.ts';
import { need, type Rules } from '../../../1-blocking-queue/rules.ts';
import { nameOf } from '../../../3-http-server/client-options.ts';
import type { ClientCalls } from './client-calls.ts';

export class ClientRules implements Rules {
  readonly capabilities: ReadonlySet<Capability>;
  readonly limits: Limits;
  readonly #calls: ClientCalls;

  constructor({ capabilities, limits }: Rules, calls: ClientCalls) {
    this.capabilities = capabilities;
    this.limits = limits;
    this.#calls = calls;
  }

  /** Throws `MQ_NOT_SUPPORTED`, or `MQ_CLOSED`. */
  need(capability: Capability, operation: string): void {
    need(this, capability, operation);
    this.#calls.checkOpen();
  }

  nameOf(topic: string): string {
    this.#calls.checkOpen();
    return nameOf('topic', topic, this.limits);
  }
}
