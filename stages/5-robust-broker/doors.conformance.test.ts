/**
 * Stage 5 under the same suite once more, through its doors: what it promises, a client in another process gets. Its
 * disks are in memory, which takes half the time; doors.conformance.long.ts does it on the real one.
 */
import { conformance } from '../../shared/conformance/conformance.ts';
import { onSimulatedDisks } from '../../shared/conformance/simulated-target.ts';
import { reachedOverHttp } from '../3-http-server/whole.ts';
import { reachedOverTcp } from '../4-persisted-log/doors/tcp/whole.ts';
import { createBroker } from './index.ts';

const overHttp = onSimulatedDisks(async (options) =>
  reachedOverHttp(await createBroker({ ...options, dataFolder: '/data' })),
);
const overTcp = onSimulatedDisks(async (options) =>
  reachedOverTcp(await createBroker({ ...options, dataFolder: '/data' })),
);

conformance('5 over HTTP', overHttp.createBroker, { clock: 'real', stage: 5, doorLacks: ['push', 'raw-batches'] });
conformance('5 over TCP', overTcp.createBroker, { clock: 'real', stage: 5 });
