/** Stage 5 through all of its armour, for one who may do everything: nothing of the contract is lost on the way. */
import { VirtualClock } from '../../../shared/clock.ts';
import { conformance } from '../../../shared/conformance/conformance.ts';
import { onSimulatedDisks } from '../../../shared/conformance/simulated-target.ts';
import { createBroker } from '../index.ts';
import { ArmouredAdmission } from './armoured-admission.ts';
import { ownedView } from './broker-view.ts';
import { plainUsers } from './plain-users.ts';

const PLENTY = 1e12;
/** So that everything is counted, and nothing is too much. */
const quota = {
  ...{ sendMessagesPerSecond: PLENTY, sendBytesPerSecond: PLENTY, readMessagesPerSecond: PLENTY },
  ...{ readBytesPerSecond: PLENTY, inFlightCountMax: 1_000_000, connectionsCountMax: 1 },
};

const target = onSimulatedDisks(async (options) => {
  const { clock = new VirtualClock() } = options;
  const memory = { highBytes: Number.MAX_SAFE_INTEGER };
  const broker = await createBroker({ ...options, clock, memory, dataFolder: '/data' });
  const admission = new ArmouredAdmission({ broker, users: plainUsers(undefined), quota, clock });
  const admitted = await admission.admit({}, { door: 'test', address: undefined });
  return ownedView(admitted, (closing) => broker.close(closing));
});

conformance('5 in armour', target.createBroker, { clock: 'virtual', stage: 5, restartBroker: target.restartBroker });
