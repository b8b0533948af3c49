/** Brokers that the tests of the JMS-style API run over: stages in this process, and one behind a TCP server. */
import type { Broker } from '../../../../shared/contract/broker.ts';
import { SimulatedDisk } from '../../../../shared/simulated-disk.ts';
import { createBroker as createStage1 } from '../../../1-blocking-queue/index.ts';
import { createBroker as createStage2 } from '../../../2-ring-buffer/index.ts';
import { createBroker as createStage4, createTcpServer } from '../../../4-persisted-log/index.ts';
import { createBroker as createStage5 } from '../../index.ts';
import { type ConnectionFactory, type ConnectionFactoryOptions, createConnectionFactory } from '../index.ts';

export type TargetName = 'stage 1' | 'stage 2' | 'stage 4' | 'stage 5' | 'tcp';

export interface Target extends AsyncDisposable {
  readonly factory: ConnectionFactory;
  /** What is behind it. */
  readonly broker: Broker;
}

/** A place to connect to. `prefetch` 2 unless told otherwise, so that something is here, and something is not. */
export async function openTarget(name: TargetName, options: ConnectionFactoryOptions = {}): Promise<Target> {
  await using opened = new AsyncDisposableStack();
  const broker = opened.use(await createBrokerOf(name));
  const place = name === 'tcp' ? opened.use(await createTcpServer(broker, { port: 0 })).url : broker;
  const factory = opened.use(createConnectionFactory(place, { prefetch: 2, ...options }));
  const owned = opened.move();
  return { factory, broker, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function createBrokerOf(name: TargetName): Promise<Broker> {
  const onDisk = { disk: new SimulatedDisk(), dataFolder: '/data' };
  switch (name) {
    case 'stage 1':
      return createStage1();
    case 'stage 2':
      return createStage2();
    case 'stage 4':
      return createStage4(onDisk);
    default:
      return createStage5(onDisk);
  }
}
