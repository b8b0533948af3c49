/** Stage 5 under the same suite, on disks in memory; a restart pulls the plug. */
import { conformance } from '../../shared/conformance/conformance.ts';
import { onSimulatedDisks } from '../../shared/conformance/simulated-target.ts';
import { createBroker } from './index.ts';

const target = onSimulatedDisks((options) => createBroker({ ...options, dataFolder: '/data' }));

conformance('5', target.createBroker, { clock: 'virtual', stage: 5, restartBroker: target.restartBroker });
