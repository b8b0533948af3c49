/** Starts the servers of the TCP door's table, each in a process of its own, and stops them again. */
import { ServerProcess } from '../servers/server-process.ts';
import type { Targets } from '../targets.ts';
import type { StageDoors, TcpDoors } from './scenarios.ts';

/** Stage 4 and its floors run when it is a target, the byte floor always; `use` is called once. */
export async function withTcpDoors<T>(targets: Targets, use: (doors: TcpDoors) => Promise<T>): Promise<T> {
  await using started = new AsyncDisposableStack();
  const start = async (...how: Parameters<typeof ServerProcess.start>): Promise<ServerProcess> => {
    const server = await ServerProcess.start(...how);
    started.defer(() => server.stop());
    return server;
  };
  const byteFloor = await start('byte-floor');
  const stage: StageDoors | undefined = targets.stages.includes(4)
    ? {
        synced: await start('stage-4-tcp', { flushPolicy: 'always' }),
        unsynced: await start('stage-4-tcp', { flushPolicy: 'never' }),
        echo: await start('echo'),
        syncedEcho: await start('synced-echo'),
      }
    : undefined;
  const doors: TcpDoors = { stage, urls: targets.tcpUrls, byteFloor };
  return await use(doors); // awaited: the servers stop when this function returns
}
