/** Starts the servers a set of targets asks for, each in a process of its own, and stops them again. */
import type { Targets } from '../targets.ts';
import type { DoorContestant } from './scenarios.ts';
import { ServerProcess } from './server-process.ts';

/**
 * Stage 3 is stage 2's broker behind the server, so the two are one contestant. The floor always runs; `use` is called
 * once, with the servers in the order of the table.
 */
export async function withDoors<T>(
  targets: Targets,
  use: (contestants: readonly DoorContestant[]) => Promise<T>,
): Promise<T> {
  await using started = new AsyncDisposableStack();
  const start = async (kind: 'floor' | 'stage-1' | 'stage-2'): Promise<ServerProcess> => {
    const server = await ServerProcess.start(kind);
    started.defer(() => server.stop());
    return server;
  };
  const contestants: DoorContestant[] = [{ name: 'floor route', door: await start('floor'), isFloor: true }];
  const hasStage = (stage: number): boolean => targets.stages.some((each) => each === stage);
  if (hasStage(1)) contestants.push({ name: 'stage 1', door: await start('stage-1'), isFloor: false });
  if (hasStage(2) || hasStage(3)) {
    contestants.push({ name: 'stage 2 = 3', door: await start('stage-2'), isFloor: false });
  }
  for (const url of targets.urls) contestants.push({ name: url, door: { url }, isFloor: false });
  return await use(contestants); // awaited: the servers stop when this function returns
}
