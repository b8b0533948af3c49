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
  /** Undefined when stage 4 is no target. */
  readonly stage: StageDoors | undefined;
  /** Servers that run somewhere, with a flush policy of their own: they are measured end to end only. */
  readonly urls: readonly string[];
  readonly byteFloor: Door;
}

/** Stage 4, and the floors of one message in flight. */
export interface StageDoors {
  /** Every answer after an fdatasync. */
  readonly synced: Door;
  /** No fdatasync. */
  readonly unsynced: Door;
  readonly echo: Door;
  readonly syncedEcho: Door;
}

export function tcpScenarios({ stage, urls, byteFloor }: TcpDoors, plan: Plan): Scenario[] {
  const doors = [
    ...(stage === undefined ? [] : [{ prefix: '', door: stage.synced }]),
    ...urls.map((url) => ({ prefix: `${url}, `, door: { url } })),
  ];
  const endToEnd = endToEndScenario(doors, byteFloor, plan);
  if (stage === undefined) return [endToEnd];
  return [endToEnd, pushedScenario(stage, plan), syncedScenario(stage, plan), appendCostScenario(stage.unsynced, plan)];
}

/** A server to measure, and what the names of its contestants begin with. */
interface NamedDoor {
  readonly prefix: string;
  readonly door: Door;
}

function contestant(name: string, role: Role, run: () => Promise<Run>): Contestant {
  return { name, role, run };
}

function endToEndScenario(doors: readonly NamedDoor[], byteFloor: Door, { bytesCount, objectsCount }: Plan): Scenario {
  let made: readonly Uint8Array[] | undefined;
  const batches = (): readonly Uint8Array[] => {
    made ??= encodeNumberedBatches({ count: bytesCount });
    return made;
  };
  const floor = (): Promise<Run> => runByteFloor({ door: byteFloor, pieces: batches(), count: bytesCount });
  const passOpaque: DoorRunOptions['work'] = (place) => passBatches(place, batches());
  const through = (name: string, count: number, work: DoorRunOptions['work']): Contestant[] =>
    doors.map(({ prefix, door }) => contestant(`${prefix}${name}`, 'stage', () => runAtDoor({ door, count, work })));
  return {
    name: 'end-to-end',
    title: 'From the client to the disk and back to the client',
    how:
      'flushPolicy always: what is answered or handed out is on the disk, and what comes meanwhile shares an fdatasync. ' +
      'The floor does that with bytes alone and looks at none of them.',
    contestants: [
      contestant('byte floor', 'floor', floor),
      ...through('log, opaque batches', bytesCount, passOpaque),
      ...through('log, Producer + LogConsumer', objectsCount, passLog),
      ...through('queue, individual acks', objectsCount, passQueue),
      ...through('queue, Producer + Consumer', objectsCount / 2, passQueueInComfort),
    ],
  };
}

function pushedScenario({ unsynced: door, echo }: StageDoors, { pushedCount: count }: Plan): Scenario {
  const bytes = new Uint8Array(BODY_BYTES);
  return {
    name: 'pushed',
    title: 'One in flight, from send to pushed delivery',
    how: 'flushPolicy never. Two connections of one client; the floor answers with the bytes it was sent.',
    contestants: [
      contestant('TCP echo', 'floor', () => runEcho({ door: echo, bytes, count })),
      contestant('stage 4', 'stage', () => runAtDoor({ door, count, work: pushedDeliveries })),
    ],
  };
}

function syncedScenario({ synced: door, syncedEcho }: StageDoors, { syncedCount: count }: Plan): Scenario {
  const [bytes = new Uint8Array()] = encodeNumberedBatches({ count: 1 });
  return {
    name: 'synced',
    title: 'One in flight, from send to the answer that it is on the disk',
    how: `flushPolicy always. The floor writes the same ${bytes.length} bytes to a file, makes an fdatasync, and answers.`,
    contestants: [
      contestant('echo after write + fdatasync', 'floor', () => runEcho({ door: syncedEcho, bytes, count })),
      contestant('stage 4', 'stage', () => runAtDoor({ door, count, work: syncedSends, after: readAll })),
    ],
  };
}
