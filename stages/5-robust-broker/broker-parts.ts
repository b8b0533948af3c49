/**
 * What the broker of this stage is made of: the parts of stage 4, and beside them what makes it robust.
 *
 * Always true: a capability is in the set exactly when its part is here; what was opened is closed when opening fails.
 */
import { type Capability, capabilitiesOfStage } from '../../shared/contract/capabilities.ts';
import { type BrokerParts, type OpenPartsOptions, openParts } from '../4-persisted-log/broker-parts.ts';

/** What of this stage may lie in a data folder. */
const FEATURES: readonly string[] = ['transactions', 'producers', 'half-messages', 'filters'];
/** Those of this stage that are there. */
const OWN_CAPABILITIES: readonly Capability[] = [];

export type RobustParts = BrokerParts;

export async function openRobustParts(options: OpenPartsOptions): Promise<RobustParts> {
  const capabilities = new Set([...capabilitiesOfStage(4), ...OWN_CAPABILITIES]);
  return await openParts({ ...options, capabilities, features: FEATURES });
}
