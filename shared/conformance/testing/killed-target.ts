/**
 * A target that is a real process on a real disk, and whose restart is kill -9:
 *
 *     createBroker() -> mq serve N --data <new folder> -> client over TCP
 *     restartBroker(client) -> SIGKILL -> mq serve N on the same folder -> another client
 *
 * Always true: closing a broker of the target ends its process as an operator does; folders are removed when the tests
 * end. Its clock is real.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createTcpClient } from '../../../stages/4-persisted-log/doors/tcp/create-client.ts';
import type { Broker } from '../../contract/broker.ts';
import type { SimulatedTarget } from '../simulated-target.ts';

const MQ = fileURLToPath(new URL('../../../cli/mq.js', import.meta.url));

/** Removed at the end. */
const folders: string[] = [];

interface Running {
  readonly folder: string;
  readonly server: ChildProcess;
  /** Closes the connection only. */
  readonly hangUp: () => Promise<void>;
}

/** Brokers by `mq serve` of a stage, each a process of its own. */
export function onKilledProcesses(stage: 4 | 5): SimulatedTarget {
  const running = new WeakMap<Broker, Running>();
  const open = async (folder: string): Promise<Broker> => {
    const { server, url } = await serve(folder, stage);
    const client = await createTcpClient(url);
    const hangUp = client.close.bind(client);
    client.close = async (options) => {
      await hangUp(options);
      await end(server, 'SIGTERM');
    };
    running.set(client, { folder, server, hangUp: () => hangUp({ timeoutMs: 0 }) });
    return client;
  };
  return {
    createBroker: async () => open(newFolder()),
    restartBroker: async (client) => {
      const old = running.get(client);
      if (old === undefined) throw new RangeError('a broker of another target');
      await end(old.server, 'SIGKILL');
      old.hangUp().catch(() => undefined);
      return open(old.folder);
    },
  };
}

async function serve(folder: string, stage: number): Promise<{ readonly server: ChildProcess; readonly url: string }> {
  const args = [MQ, 'serve', String(stage), '--data', folder, '--port', '0', '--tcp-port', '0'];
  const server = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: server.stdout })) {
    const [url] = /mq:\/\/[^\s,]+/.exec(line) ?? [];
    if (url === undefined) continue;
    // What it prints later nobody reads.
    server.stdout.resume();
    return { server, url };
  }
  throw new Error('the server ended before it listened');
}

async function end(server: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = once(server, 'exit');
  server.kill(signal);
  await ended;
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'stagemq-killed-'));
  if (folders.length === 0) process.once('exit', removeFolders);
  folders.push(folder);
  return folder;
}

function removeFolders(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}
