/**
 * What the parts of a client share before they ask, over HTTP and TCP: what the broker has, whether the client is open, what a
 * topic is called, and the paths of topics and groups.
 *
 * Always true: what the broker does not have is refused first, open or closed, since that is a fact of the broker; a name
 * that cannot be one never reaches a path.
 */
import type { Capability } from '../../shared/contract/capabilities.ts';
import type { Limits } from '../../shared/contract/limits.ts';
import { need, type Rules } from '../1-blocking-queue/rules.ts';
import { nameOf } from './client-options.ts';
import { pathOf } from './wire.ts';

/** What sends the requests. */
interface Openable {
  /** Throws `MQ_CLOSED`. */
  checkOpen(): void;
}

export class ClientRules implements Rules {
  readonly capabilities: ReadonlySet<Capability>;
  readonly limits: Limits;
  readonly #calls: Openable;

  constructor({ capabilities, limits }: Rules, calls: Openable) {
    this.capabilities = capabilities;
    this.limits = limits;
    this.#calls = calls;
  }

  /** Throws `MQ_NOT_SUPPORTED`, or `MQ_CLOSED`. */
  need(capability: Capability, operation: string): void {
    need(this, capability, operation);
    this.#calls.checkOpen();
  }

  /** In NFC. Throws `MQ_CLOSED`, or `MQ_INVALID_ARGUMENT` for what cannot be a name. */
  nameOf(topic: string): string {
    this.#calls.checkOpen();
    return nameOf('topic', topic, this.limits);
  }

  /** `/topics/{topic}/...` */
  pathOf(topic: string, ...parts: string[]): string {
    return pathOf('topics', this.nameOf(topic), ...parts);
  }

  /** `/topics/{topic}/groups/{group}` */
  groupPath(topic: string, group: string): string {
    this.need('groups', 'a group');
    return this.pathOf(topic, 'groups', nameOf('group', group, this.limits));
  }
}
