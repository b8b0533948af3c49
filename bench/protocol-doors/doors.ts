/** Starts our doors and the brokers they are compared with, each in a process of its own, and stops them again. */
import { MqError } from '../../shared/contract/errors.ts';
import { requirePackages } from '../optional-package.ts';
import { type Door, ServerProcess } from '../servers/server-process.ts';
import type { ForeignProcess } from './foreign-process.ts';
import { type ActiveMq, missingPackages, startActiveMq, startMosquitto, startOpenWireLoad } from './peers.ts';

/** One process of ours with three ports. */
export interface OurDoors {
  readonly stomp: Door;
  readonly mqtt: Door;
  readonly openWire: Door;
}

export interface ProtocolDoors {
  /** Stage 5; every answer after an fdatasync. */
  readonly durable: OurDoors;
  /** Stage 2, which keeps everything in memory. */
  readonly inMemory: OurDoors;
  readonly activeMq: Omit<ActiveMq, 'stop'>;
  readonly mosquitto: Door;
  readonly aedes: Door;
  /** What nothing that MQTT.js talks to can be faster than. */
  readonly mqttRelay: Door;
  /** ActiveMQ's own client. */
  readonly openWireLoad: Pick<ForeignProcess, 'ask'>;
}

/** Rejects with `MQ_MISSING_DEPENDENCY` and the line to type when something of it is not installed. */
export async function withProtocolDoors<T>(use: (doors: ProtocolDoors) => Promise<T>): Promise<T> {
  await requirePackages(['mqtt', '@stomp/stompjs', 'aedes']);
  const missing = missingPackages();
  if (missing.length > 0) {
    const line = `apt-get install -y --no-install-recommends ${missing.join(' ')}`;
    throw new MqError('MQ_MISSING_DEPENDENCY', `to compare protocols ${missing.join(', ')} is needed: ${line}`);
  }
  await using started = new AsyncDisposableStack();
  const keep = <Started extends { stop(): Promise<void> }>(server: Started): Started => {
    started.defer(() => server.stop());
    return server;
  };
  const ours = async (kind: 'protocols' | 'protocols-in-memory'): Promise<OurDoors> => {
    const server = keep(await ServerProcess.start(kind, { flushPolicy: 'always' }));
    const urls = JSON.parse(server.url) as Record<keyof OurDoors, string>;
    const [usage, forget] = [() => server.usage(), () => server.forget()];
    const door = (name: keyof OurDoors): Door => ({ url: urls[name], usage, forget });
    return { stomp: door('stomp'), mqtt: door('mqtt'), openWire: door('openWire') };
  };
  const doors: ProtocolDoors = {
    durable: await ours('protocols'),
    inMemory: await ours('protocols-in-memory'),
    activeMq: keep(await startActiveMq()),
    mosquitto: keep(await startMosquitto()),
    aedes: keep(await ServerProcess.start('aedes')),
    mqttRelay: keep(await ServerProcess.start('mqtt-relay')),
    openWireLoad: keep(await startOpenWireLoad()),
  };
  return await use(doors); // awaited: the servers stop when this function returns
}
