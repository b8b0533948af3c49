/** Starts the servers a set of targets asks for, each in a process of its own, and stops them again. */

import { ServerProcess } from '../servers/server-process.ts';
import type { Targets } from '../targets.ts';
import type { DoorContestant } from './scenarios.ts';

/**
 * Stage 3 is stage 2's broker behind the server, so the two are one contestant; stages 4 and 5 sync before they answer. The floor always runs; `use` is called
 * once, with the servers in the order of the table.
 */
export async function withDoors<T>(
  targets: Targets,
  use: (contestants: readonly DoorContestant[]) => Promise<T>,
): Promise<T> {
  await using started = new AsyncDisposableStack();
  const start = async (kind: 'floor' | 'stage-1' | 'stage-2' | 'stage-4' | 'stage-5'): Promise<ServerProcess> => {
    const server = await ServerProcess.start(kind, { flushPolicy: 'always' });
    started.defer(() => server.stop());
    return server;
  };
  const contestants: DoorContestant[] = [{ name: 'floor route', door: await start('floor'), isFloor: true }];
  const hasStage = (...numbers: number[]): boolean => targets.stages.some((each) => numbers.includes(each));
  // Where stage 4 or 5 is a target, the stages before it stand beside it in one scenario.
  const asNeighbour = (isTarget: boolean): Pick<DoorContestant, 'isFloor' | 'isNeighbour'> => ({
    isFloor: false,
    isNeighbour: !isTarget,
  });
  if (hasStage(1, 4, 5))
    contestants.push({ name: 'stage 1', door: await start('stage-1'), ...asNeighbour(hasStage(1)) });
  if (hasStage(2, 3, 4, 5)) {
    contestants.push({ name: 'stage 2 = 3', door: await start('stage-2'), ...asNeighbour(hasStage(2, 3)) });
  }
  if (hasStage(4, 5)) contestants.push({ name: 'stage 4', door: await start('stage-4'), ...asNeighbour(hasStage(4)) });
  if (hasStage(5)) contestants.push({ name: 'stage 5', door: await start('stage-5'), isFloor: false });
  for (const url of targets.urls) contestants.push({ name: url, door: { url }, isFloor: false });
  return await use(contestants); // awaited: the servers stop when this function returns
}
