/**
 * What the parts of a client share before they ask: what the broker has, whether the client is open, and the paths of topics
 * and groups.
 *
 * Always true: what the broker does not have is refused first, open or closed, since that is a fact of the broker; a name
 * that cannot be one never reaches a path.
 */
import type { Capability } from '../../shared/contract/capabilities.ts';
import type { Limits } from '../../shared/contract/limits.ts';
import { need, type Rules } from '../1-blocking-queue/rules.ts';
import { nameOf } from './client-options.ts';
import type { Requests } from './client-requests.ts';
import { pathOf } from './wire.ts';

export class ClientRules implements Rules {
  readonly capabilities: ReadonlySet<Capability>;
  readonly limits: Limits;
  readonly #requests: Requests;

  constructor({ capabilities, limits }: Rules, requests: Requests) {
    this.capabilities = capabilities;
    this.limits = limits;
    this.#requests = requests;
  }

  /** Throws `MQ_NOT_SUPPORTED`, or `MQ_CLOSED`. */
  need(capability: Capability, operation: string): void {
    need(this, capability, operation);
    this.#requests.checkOpen();
  }

  /** `/topics/{topic}/...` */
  pathOf(topic: string, ...parts: string[]): string {
    this.#requests.checkOpen();
    return pathOf('topics', nameOf('topic', topic, this.limits), ...parts);
  }

  /** `/topics/{topic}/groups/{group}` */
  groupPath(topic: string, group: string): string {
    this.need('groups', 'a group');
    return this.pathOf(topic, 'groups', nameOf('group', group, this.limits));
  }
}
