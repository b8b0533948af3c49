/** Stage 4 under the suite over TCP, and on the real disk; conformance.test.ts is the same on disks in memory. */
import { conformance } from '../../../../shared/conformance/conformance.ts';
import { createBroker } from '../../index.ts';
import { reachedOverTcp } from './whole.ts';

conformance('4 over TCP', async (options) => reachedOverTcp(await createBroker(options)), { clock: 'real', stage: 4 });
