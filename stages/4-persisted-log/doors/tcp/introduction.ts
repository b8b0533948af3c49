/**
 * What a server says of the broker behind it when it lets somebody in.
 *
 * Always true: a capability is named only when the spoken version of the protocol has frames for it. Pure.
 */
import { createRequire } from 'node:module';
import type { Broker } from '../../../../shared/contract/broker.ts';
import { type Introduction, SINCE_2 } from './handshake.ts';
import type { CheckedTcpServerOptions } from './server-options.ts';

export function introductionOf(broker: Broker, options: CheckedTcpServerOptions, version: number): Introduction {
  const { frameBytesMax, requestsCountMax, unansweredBytesMax, subscriptionsCountMax } = options;
  const carried = new Set([...broker.capabilities].filter((name) => version > 1 || !SINCE_2.has(name)));
  // Pushing is the door's own art: any broker that hands out deliveries will do.
  if (carried.has('receive')) carried.add('push');
  return {
    name: broker.name,
    version: packageVersion(),
    protocolVersion: version,
    capabilities: [...carried],
    limits: broker.limits,
    door: { frameBytesMax, requestsCountMax, unansweredBytesMax, subscriptionsCountMax },
  };
}

/** Of the package, found by its own name: the same in a checkout and when installed. */
function packageVersion(): string {
  return (createRequire(import.meta.url)('stagemq/package.json') as { version: string }).version;
}
