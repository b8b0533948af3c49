/**
 * What the broker of this stage is made of: the parts of stage 4, and beside them what makes it robust.
 *
 * Always true: a capability is in the set exactly when its part is here; what was opened is closed when opening fails.
 */
import { type Capability, capabilitiesOfStage } from '../../shared/contract/capabilities.ts';
import { type BrokerParts, type OpenPartsOptions, openParts } from '../4-persisted-log/broker-parts.ts';
import type { Observation } from './observe/observation.ts';

/** What of this stage may lie in a data folder. */
const FEATURES: readonly string[] = ['transactions', 'producers', 'half-messages', 'filters'];
/** Those of this stage that are there. */
const OWN_CAPABILITIES: readonly Capability[] = [];

export interface RobustParts extends BrokerParts {
  readonly observation: Observation;
}

export interface OpenRobustPartsOptions extends OpenPartsOptions {
  readonly observation: Observation;
}

export async function openRobustParts({ observation, ...options }: OpenRobustPartsOptions): Promise<RobustParts> {
  const capabilities = new Set([...capabilitiesOfStage(4), ...OWN_CAPABILITIES]);
  const { newObserver } = observation;
  const parts = await openParts({ ...options, capabilities, features: FEATURES, newObserver });
  await observation.open(parts);
  const close: BrokerParts['close'] = async (error) => {
    observation.close();
    await parts.close(error);
  };
  return { ...parts, observation, close };
}
