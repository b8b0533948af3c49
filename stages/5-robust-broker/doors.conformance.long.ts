/** Stage 5 under the suite through its doors, and on the real disk; doors.conformance.test.ts is the same on disks in memory. */
import { conformance } from '../../shared/conformance/conformance.ts';
import { reachedOverHttp } from '../3-http-server/whole.ts';
import { reachedOverTcp } from '../4-persisted-log/doors/tcp/whole.ts';
import { createBroker } from './index.ts';

const UNSYNCED = { flushPolicy: 'never' } as const;

conformance('5 over HTTP', async (options) => reachedOverHttp(await createBroker({ ...options, ...UNSYNCED })), {
  clock: 'real',
  stage: 5,
  doorLacks: ['push', 'raw-batches'],
});
conformance('5 over TCP', async (options) => reachedOverTcp(await createBroker({ ...options, ...UNSYNCED })), {
  clock: 'real',
  stage: 5,
});
