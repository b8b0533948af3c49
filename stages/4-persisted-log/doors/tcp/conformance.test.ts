/** The suite over TCP: in front of the log of stage 4, on disks in memory, and of the ring of stage 2, to which the door adds push. */
import { conformance } from '../../../../shared/conformance/conformance.ts';
import { onSimulatedDisks } from '../../../../shared/conformance/simulated-target.ts';
import { createBroker as createRingBroker } from '../../../2-ring-buffer/index.ts';
import { createBroker as createLogBroker } from '../../index.ts';
import { reachedOverTcp } from './whole.ts';

const onLog = onSimulatedDisks(async (options) =>
  reachedOverTcp(await createLogBroker({ ...options, dataFolder: '/data' })),
);

conformance('2 over TCP', async (options) => reachedOverTcp(await createRingBroker(options)), {
  clock: 'real',
  stage: 2,
});
conformance('4 over TCP', onLog.createBroker, { clock: 'real', stage: 4 });
