/** Stage 4 behind the HTTP door, on disks in memory: the suite through requests and answers. */
import { conformance } from '../../shared/conformance/conformance.ts';
import { onSimulatedDisks } from '../../shared/conformance/simulated-target.ts';
import { reachedOverHttp } from '../3-http-server/whole.ts';
import { createBroker } from './index.ts';

const target = onSimulatedDisks(async (options) =>
  reachedOverHttp(await createBroker({ ...options, dataFolder: '/data' })),
);

conformance('4 over HTTP', target.createBroker, { clock: 'real', stage: 4, doorLacks: ['push', 'raw-batches'] });
