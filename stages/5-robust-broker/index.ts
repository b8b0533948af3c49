/**
 * Stage 5, robust broker: what `stagemq/stages/5` exports.
 *
 *     const broker = await createBroker({ dataFolder: './data' });
 *     const transaction = await broker.begin();
 *     await transaction.send('payments', { body: 'from A: 10' });
 *     await transaction.send('ledger', { body: 'to B: 10' });
 *     await transaction.commit();                                            // both are there, or neither
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkClock } from '../../shared/clock.ts';
import type { Broker } from '../../shared/contract/broker.ts';
import { checkRandom } from '../../shared/random.ts';
import { RealDisk } from '../../shared/real-disk.ts';
import { FewFiles } from '../4-persisted-log/log/few-files.ts';
import { checkLogOptions, type LogBrokerOptions } from '../4-persisted-log/log-broker-options.ts';
import { type ArmourOptions, armourBroker, takeArmourOptions } from './armour/armoured-broker.ts';
import { RobustBroker } from './broker.ts';
import { openRobustParts } from './broker-parts.ts';
import { checkHalfSchedule, type HalfCheckSchedule } from './half/half-options.ts';
import { Observation } from './observe/observation.ts';
import { type ObserveOptions, takeObserveOptions } from './observe/observe-options.ts';
import { type ProducersOptions, takeProducersOptions } from './producers/producer-options.ts';

/** What `createBroker` of stage 5 takes; `MQ_INVALID_ARGUMENT` for what is misspelt or out of range. */
export type RobustBrokerOptions = LogBrokerOptions &
  ObserveOptions &
  ProducersOptions &
  ArmourOptions & { readonly halfCheck?: HalfCheckSchedule };
/** Those that stage 4 does not know. */
const OWN_NAMES = ['halfCheck', 'memory', 'slowConsumers', 'producerTimeoutMs', 'metrics', 'advisories'] as const;

export type { ArmourOptions, MemoryOptions } from './armour/armoured-broker.ts';
export type { SlowConsumerRule } from './armour/slow-consumers.ts';
export type { HalfCheckSchedule } from './half/half-options.ts';

/** Files open at a time, however many logs there are: systems allow 1,024 unless asked, and sockets are files too. */
const OPEN_FILES_MAX = 512;

/**
 * A broker in this process on `dataFolder`, also on one of stage 4; without one on a temporary folder that `close` removes.
 * Rejects with `MQ_INVALID_ARGUMENT` for options it cannot honour, `MQ_DATA_LOCKED` when another process works in the folder,
 * `MQ_DATA_VERSION` when the folder is not one this version knows, and `MQ_STORAGE_FAILED` when the disk does.
 */
export async function createBroker(options: RobustBrokerOptions = {}): Promise<Broker> {
  const { halfCheck: schedule, ...others } = options;
  const halfCheck = checkHalfSchedule('options.halfCheck', schedule);
  const { armour, rest: unarmoured } = takeArmourOptions(others);
  const { producers, rest: unnumbered } = takeProducersOptions(unarmoured);
  const { observe, rest } = takeObserveOptions(unnumbered);
  const { own, base } = checkLogOptions(rest, OWN_NAMES);
  const clock = checkClock('options.clock', base.clock);
  const observation = new Observation(clock, observe);
  const disk =
    own.disk === undefined
      ? new FewFiles(observation.watch(new RealDisk()), { openFilesMax: OPEN_FILES_MAX })
      : observation.watch(own.disk);
  const isTemporary = own.dataFolder === undefined;
  const random = checkRandom('options.random', base.random);
  const dataFolder = own.dataFolder ?? join(tmpdir(), `stagemq-${random.hex(8)}`);
  const onClosed = async (): Promise<void> => {
    if (isTemporary) await disk.removeFolder(dataFolder);
  };
  const opening = { base: { ...base, clock }, own, disk, dataFolder, onClosed, observation, halfCheck, ...producers };
  const broker = new RobustBroker(await openRobustParts(opening));
  const include = observation.include.bind(observation);
  return armourBroker(broker, armour, { clock, source: observation.source, include });
}
