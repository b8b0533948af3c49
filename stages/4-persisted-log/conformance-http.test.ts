/** Stage 4, on a real disk and behind the HTTP door: the suite through requests and answers. */
import { conformance } from '../../shared/conformance/conformance.ts';
import { reachedOverHttp } from '../3-http-server/whole.ts';
import { createBroker } from './index.ts';

conformance('4 over HTTP', async (options) => reachedOverHttp(await createBroker(options)), {
  clock: 'real',
  stage: 4,
  doorLacks: ['push', 'raw-batches'],
});
