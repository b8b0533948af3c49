/** The suite over TCP: in front of the ring of stage 2 whatever it asks goes through frames, and push is added. */
import { conformance } from '../../../../shared/conformance/conformance.ts';
import { createBroker } from '../../../2-ring-buffer/index.ts';
import { reachedOverTcp } from './whole.ts';

conformance('2 over TCP', async (options) => reachedOverTcp(await createBroker(options)), { clock: 'real', stage: 2 });
