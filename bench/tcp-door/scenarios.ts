/**
 * The TCP door's table: stage 4 in a process of its own, one client process, each contestant beside the least that its
 * work can cost. Every message carries its number and is counted.
 */
import type { Plan } from '../plan.ts';
import type { Contestant, Role, Run, Scenario } from '../race.ts';
import type { Door } from '../servers/server-process.ts';
import { BODY_BYTES } from '../tally.ts';
import { appendCostScenario } from './append-cost.ts';
import { type DoorRunOptions, readAll, runAtDoor } from './door-run.ts';
import { passBatches, passLog, passQueue, passQueueInComfort } from './end-to-end.ts';
import { runByteFloor } from './floor-client.ts';
import { encodeNumberedBatches } from './numbered-batches.ts';
import { pushedDeliveries, runEcho, syncedSends } from './round-trips.ts';

/** The servers of the table, each in a process of its own. */
export interface TcpDoors {
  /** Stage 4, every answer after an fdatasync; undefined when it is no target. */
  readonly synced: Door | undefined;
  /** Stage 4, no fdatasync. */
  readonly unsynced: Door | undefined;
  /** Servers that run somewhere, with a flush policy of their own. */
  readonly urls: readonly string[];
  readonly byteFloor: Door;
  readonly echo: Door;
  readonly syncedEcho: Door;
}

export function tcpScenarios(doors: TcpDoors, plan: Plan): Scenario[] {
  return [
    endToEndScenario(doors, plan),
    pushedScenario(doors, plan),
    syncedScenario(doors, plan),
    ...(doors.unsynced === undefined ? [] : [appendCostScenario(doors.unsynced, plan)]),
  ];
}

/** Stage 4, and the servers that are only a url. */
function contestants(
  stage: Door | undefined,
  urls: readonly string[],
  options: Omit<DoorRunOptions, 'door'> & { readonly name: string },
): Contestant[] {
  const { name, ...rest } = options;
  const at = (door: Door, own: string): Contestant => contestant(own, 'stage', () => runAtDoor({ door, ...rest }));
  return [...(stage === undefined ? [] : [at(stage, name)]), ...urls.map((url) => at({ url }, `${url}, ${name}`))];
}

function contestant(name: string, role: Role, run: () => Promise<Run>): Contestant {
  return { name, role, run };
}

function endToEndScenario({ synced, urls, byteFloor }: TcpDoors, { bytesCount, objectsCount }: Plan): Scenario {
  let made: readonly Uint8Array[] | undefined;
  const batches = (): readonly Uint8Array[] => {
    made ??= encodeNumberedBatches({ count: bytesCount });
    return made;
  };
  const passOpaque: DoorRunOptions['work'] = (place) => passBatches(place, batches());
  const floor = (): Promise<Run> => runByteFloor({ door: byteFloor, pieces: batches(), count: bytesCount });
  return {
    name: 'end-to-end',
    title: 'From the client to the disk and back to the client',
    how:
      'flushPolicy always: what is answered or handed out is on the disk, and what comes meanwhile shares an fdatasync. ' +
      'The floor does that with bytes alone and looks at none of them.',
    contestants: [
      contestant('byte floor', 'floor', floor),
      ...contestants(synced, urls, { name: 'log, opaque batches', count: bytesCount, work: passOpaque }),
      ...contestants(synced, urls, { name: 'log, Producer + LogConsumer', count: objectsCount, work: passLog }),
      ...contestants(synced, urls, { name: 'queue, individual acks', count: objectsCount, work: passQueue }),
      ...contestants(synced, urls, {
        name: 'queue, Producer + Consumer',
        count: objectsCount / 2,
        work: passQueueInComfort,
      }),
    ],
  };
}

function pushedScenario({ unsynced, urls, echo }: TcpDoors, { pushedCount: count }: Plan): Scenario {
  const bytes = new Uint8Array(BODY_BYTES);
  return {
    name: 'pushed',
    title: 'One in flight, from send to pushed delivery',
    how: 'flushPolicy never. Two connections of one client; the floor answers with the bytes it was sent.',
    contestants: [
      contestant('TCP echo', 'floor', () => runEcho({ door: echo, bytes, count })),
      ...contestants(unsynced, urls, { name: 'stage 4', count, work: pushedDeliveries }),
    ],
  };
}

function syncedScenario({ synced, syncedEcho }: TcpDoors, { syncedCount: count }: Plan): Scenario {
  const [bytes = new Uint8Array()] = encodeNumberedBatches({ count: 1 });
  return {
    name: 'synced',
    title: 'One in flight, from send to the answer that it is on the disk',
    how: `flushPolicy always. The floor writes the same ${bytes.length} bytes to a file, makes an fdatasync, and answers.`,
    contestants: [
      contestant('echo after write + fdatasync', 'floor', () => runEcho({ door: syncedEcho, bytes, count })),
      ...contestants(synced, [], { name: 'stage 4', count, work: syncedSends, after: readAll }),
    ],
  };
}
