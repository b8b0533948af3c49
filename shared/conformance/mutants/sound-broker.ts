/**
 * The brokers that mutants are made from: each stage as its own tests use it.
 *
 * Always true: `change` is applied to the broker that keeps the messages; stage 3 is asked through its wire, so a bug
 * behind the door is seen where a client would see it; stages 4 and 5 write to a disk in memory, and their plug can be pulled.
 */
import { createBroker as createBlockingQueue } from '../../../stages/1-blocking-queue/index.ts';
import { createBroker as createRingBuffer } from '../../../stages/2-ring-buffer/index.ts';
import { createClient, createServer } from '../../../stages/3-http-server/index.ts';
import { createBroker as createPersistedLog } from '../../../stages/4-persisted-log/index.ts';
import { createBroker as createRobustBroker } from '../../../stages/5-robust-broker/index.ts';
import type { BrokerOptions } from '../../broker-options.ts';
import type { Broker } from '../../contract/broker.ts';
import type { CreateBroker } from '../conformance-test.ts';
import { onSimulatedDisks, type SimulatedTarget } from '../simulated-target.ts';

/** The stages that mutants are made from. */
export type SoundStage = 1 | 2 | 3 | 4 | 5;

/** What a broken broker may need to know of its past. */
export interface Circumstances {
  /** True for a broker that was stopped and started again. */
  readonly isRestarted: boolean;
  /** What the brokers of one target leave for each other. */
  readonly notes: Set<string>;
}

/** What is put between a target and the sound brokers it makes. */
export interface Changes {
  readonly given?: (options: BrokerOptions, circumstances: Circumstances) => BrokerOptions;
  readonly change?: (broker: Broker, options: BrokerOptions, circumstances: Circumstances) => Promise<Broker>;
}

/** Makes brokers of a stage, with `changes`. */
export function soundTarget(
  stage: SoundStage,
  { given = (options) => options, change = async (broker) => broker }: Changes = {},
): SimulatedTarget | { readonly createBroker: CreateBroker } {
  const notes = new Set<string>();
  if (stage !== 4 && stage !== 5) {
    const circumstances = { isRestarted: false, notes };
    return {
      createBroker: async (asked = {}) => {
        const options = given(asked, circumstances);
        return createSoundBroker(stage, options, (broker) => change(broker, asked, circumstances));
      },
    };
  }
  return onSimulatedDisks(async ({ disk, ...asked }, isRestarted) => {
    const circumstances = { isRestarted, notes };
    const create = stage === 4 ? createPersistedLog : createRobustBroker;
    const broker = await create({ ...given(asked, circumstances), disk, dataFolder: '/data' });
    return change(broker, asked, circumstances);
  });
}

async function createSoundBroker(
  stage: Exclude<SoundStage, 4 | 5>,
  options: BrokerOptions,
  change: (broker: Broker) => Promise<Broker>,
): Promise<Broker> {
  if (stage === 1) return change(await createBlockingQueue(options));
  const broker = await change(await createRingBuffer(options));
  return stage === 2 ? broker : throughTheDoor(broker);
}

/** The client of a server in front of `broker`; closing it closes all three. */
async function throughTheDoor(broker: Broker): Promise<Broker> {
  // A mutant's defects are wanted, so nobody is warned of them.
  const server = await createServer(broker, { onDefect: () => undefined });
  const client = await createClient(server.url);
  const closeClient = client.close.bind(client);
  client.close = async (options) => {
    await closeClient(options);
    await server.close(options);
    await broker.close(options);
  };
  return client;
}
