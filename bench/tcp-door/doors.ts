/** Starts the servers of the TCP door's table, each in a process of its own, and stops them again. */
import { ServerProcess } from '../servers/server-process.ts';
import type { Targets } from '../targets.ts';
import type { TcpDoors } from './scenarios.ts';

/** The floors always run; `use` is called once. */
export async function withTcpDoors<T>(targets: Targets, use: (doors: TcpDoors) => Promise<T>): Promise<T> {
  await using started = new AsyncDisposableStack();
  const start = async (...how: Parameters<typeof ServerProcess.start>): Promise<ServerProcess> => {
    const server = await ServerProcess.start(...how);
    started.defer(() => server.stop());
    return server;
  };
  const hasStage = targets.stages.includes(4);
  const doors: TcpDoors = {
    synced: hasStage ? await start('stage-4-tcp', { flushPolicy: 'always' }) : undefined,
    unsynced: hasStage ? await start('stage-4-tcp', { flushPolicy: 'never' }) : undefined,
    urls: targets.tcpUrls,
    byteFloor: await start('byte-floor'),
    echo: await start('echo'),
    syncedEcho: await start('synced-echo'),
  };
  return await use(doors); // awaited: the servers stop when this function returns
}
