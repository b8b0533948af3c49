/** What the options of a call are checked against: what the broker can do, and how much it takes. */
import { type Capability, notSupported } from '../../shared/contract/capabilities.ts';
import type { Limits } from '../../shared/contract/limits.ts';

/** What the checking broker can do and how much it takes; a Broker is one. */
export interface Rules {
  readonly capabilities: ReadonlySet<Capability>;
  readonly limits: Limits;
}

/** Throws `MQ_NOT_SUPPORTED` unless the broker has `capability`; `what` names the option that asks for it. */
export function need(rules: Rules, capability: Capability, what: string): void {
  if (!rules.capabilities.has(capability)) throw notSupported(capability, what);
}
