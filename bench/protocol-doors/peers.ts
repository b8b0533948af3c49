/** The brokers we are compared with, as they come from their makers; each in a process of its own. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Door } from '../servers/server-process.ts';
import { ForeignProcess, freePort, isInstalled } from './foreign-process.ts';

const ACTIVEMQ_JARS = '/usr/share/activemq/lib';
const CLASS_PATH = `${ACTIVEMQ_JARS}/*:${ACTIVEMQ_JARS}/optional/*`;

/** What `apt-get install` brings, of all that is missing here. */
export function missingPackages(): readonly string[] {
  const wanted: readonly (readonly [string, boolean])[] = [
    ['activemq', existsSync(`${ACTIVEMQ_JARS}/activemq-broker.jar`)],
    ['default-jdk-headless', isInstalled('java')],
    ['mosquitto', isInstalled('mosquitto')],
  ];
  return wanted.filter(([, isThere]) => !isThere).map(([name]) => name);
}

export interface ActiveMq {
  readonly stomp: Door;
  readonly openWire: Door;
  stop(): Promise<void>;
}

/** Persistent messages are synced before they are answered, as its store does unless told otherwise. */
export async function startActiveMq(): Promise<ActiveMq> {
  const process = await ForeignProcess.start({
    command: 'java',
    args: (folder) => ['-cp', CLASS_PATH, fileOf('ActiveMqPeer.java'), folder],
    isReady: (line) => line.startsWith('{'),
  });
  const ports = JSON.parse(process.ready) as { readonly stomp: number; readonly openWire: number };
  const door = (scheme: string, port: number): Door => ({
    url: `${scheme}://127.0.0.1:${port}`,
    usage: () => process.usage(),
  });
  return { stomp: door('stomp', ports.stomp), openWire: door('tcp', ports.openWire), stop: () => process.stop() };
}

/** Mosquitto keeps messages in memory; unless it may keep all that wait, it drops them. */
export async function startMosquitto(): Promise<Door & { stop(): Promise<void> }> {
  const port = await freePort();
  const settings = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'max_inflight_messages 0',
    'max_queued_messages 0',
    'persistence false',
    'log_dest stderr',
  ];
  const process = await ForeignProcess.start({
    command: 'sh',
    // Its configuration is a file in the folder that is made for it.
    args: (folder) => [
      '-c',
      `printf '%s\\n' "$@" > "$0" && exec mosquitto -c "$0" 2>&1`,
      join(folder, 'conf'),
      ...settings,
    ],
    isReady: (line) => line.includes('running'),
  });
  return { url: `mqtt://127.0.0.1:${port}`, usage: () => process.usage(), stop: () => process.stop() };
}

/** The client of ActiveMQ under load. */
export function startOpenWireLoad(): Promise<ForeignProcess> {
  return ForeignProcess.start({
    command: 'java',
    args: () => ['-cp', CLASS_PATH, fileOf('OpenWireLoad.java')],
    isReady: (line) => line === 'ready',
  });
}

function fileOf(name: string): string {
  return fileURLToPath(new URL(`./${name}`, import.meta.url));
}
