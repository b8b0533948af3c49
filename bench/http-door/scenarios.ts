/**
 * The HTTP door's table: one server in its own process for each contestant, the load in this one, every run with a fresh
 * topic. After each run the topic is drained through the client and every message is accounted for.
 *
 * The floor drops what it is sent, by design: its messages are counted as sent and never looked for.
 */
import type { Broker } from '../../shared/contract/broker.ts';
import type { Plan } from '../plan.ts';
import type { Contestant, Latency, Run, Scenario } from '../race.ts';
import type { Door } from '../servers/server-process.ts';
import { NO_COUNTS, numberedBody, numberIn, Tally } from '../tally.ts';
import { createRemote } from '../targets.ts';
import { runClosedLoop } from './closed-loop.ts';
import { BATCH_COUNT, batchPosts, type LoadOptions, receives, singlePosts } from './loads.ts';
import { runOpenLoop } from './open-loop.ts';

/** A server and its place in the table. */
export interface DoorContestant {
  readonly name: string;
  readonly door: Door;
  readonly isFloor: boolean;
  /** No target: it stands beside a later stage where one message goes at a time, and nowhere else. */
  readonly isNeighbour?: boolean;
}

const CONNECTIONS_COUNT = 32;
const NEIGHBOURS_SCENARIO = 'post-single';
/** Room for everything a run can send: a full topic would make the load wait. */
const MESSAGES_MAX = 2 ** 22;
const BYTES_MAX = 2 ** 31;
/** Messages of one `sendBatch` and of one `receive` outside the measured window. */
const PRELOAD_COUNT = 1000;
const DRAIN_COUNT = 1000;
const DRAIN_BYTES_MAX = 4 * 1024 * 1024;
/** Far below what any contestant can do, so that response times and not queues are measured. */
const REQUESTS_PER_SECOND = 2000;

export function doorScenarios(contestants: readonly DoorContestant[], plan: Plan): Scenario[] {
  const scenario = (name: string, title: string, how: string, run: Runner): Scenario => ({
    name,
    title,
    how,
    contestants: contestants
      .filter(({ isNeighbour }) => isNeighbour !== true || name === NEIGHBOURS_SCENARIO)
      .map((contestant) => runnable(contestant, plan, run)),
  });
  const closed = `${CONNECTIONS_COUNT} connections, each sends its next request when the last one is answered.`;
  return [
    scenario(NEIGHBOURS_SCENARIO, 'One message per POST', `JSON, ${closed}`, runPosts(singlePosts, 1)),
    scenario(
      'post-batch',
      `Batches of ${BATCH_COUNT} per POST`,
      `application/vnd.stagemq.messages.v1, ${closed}`,
      runPosts(batchPosts, BATCH_COUNT),
    ),
    scenario(
      'receive-ack',
      'Receive one and acknowledge it',
      `Two requests a message, one on stage 1, which has no leases; ${closed}`,
      runReceives,
    ),
    scenario(
      'post-paced',
      `${REQUESTS_PER_SECOND.toLocaleString('en')} POSTs per second, evenly paced`,
      'One message each, whether or not the last one was answered; times count from when a request was due.',
      runPaced,
    ),
  ];
}

/** What one run needs beside its contestant. */
interface RunOptions extends LoadOptions {
  readonly contestant: DoorContestant;
  readonly client: Broker | undefined;
  readonly plan: Plan;
  readonly isWarmUp: boolean;
}

interface Measured {
  readonly messagesPerSecond: number;
  readonly latency: Latency;
  readonly serverBusyShare: number | undefined;
}

type Runner = (options: RunOptions) => Promise<Measured>;

let topicCount = 0;

/** Makes a topic, runs, drains, counts, and deletes the topic. */
function runnable(contestant: DoorContestant, plan: Plan, measure: Runner): Contestant {
  const run = async ({ isWarmUp }: { readonly isWarmUp: boolean }): Promise<Run> => {
    const client = contestant.isFloor ? undefined : await createRemote(contestant.door.url);
    topicCount += 1;
    const topic = `bench-${process.pid}-${topicCount}`;
    const tally = new Tally(plan.preloadCount);
    try {
      if (client !== undefined) await client.createTopic(topic, roomyTopic(client));
      const measured = await measure({ contestant, client, plan, isWarmUp, topic, tally });
      if (client !== undefined && !isWarmUp) await drain(client, topic, tally);
      const { messagesPerSecond, serverBusyShare } = measured;
      const { counts } = tally;
      return {
        ...measured,
        counts: contestant.isFloor ? { ...NO_COUNTS, sent: counts.sent, unanswered: counts.unanswered } : counts,
        ...(serverBusyShare === undefined
          ? {}
          : { serverCpuUsPerMessage: (serverBusyShare * 1e6) / messagesPerSecond }),
      };
    } finally {
      await client?.deleteTopic(topic);
      await client?.close({ timeoutMs: 1000 });
    }
  };
  return { name: contestant.name, role: contestant.isFloor ? 'floor' : 'stage', run };
}

function roomyTopic({ capabilities }: Broker): { messagesMax: number; bytesMax?: number } {
  return capabilities.has('offsets')
    ? { messagesMax: MESSAGES_MAX, bytesMax: BYTES_MAX }
    : { messagesMax: MESSAGES_MAX };
}

function runPosts(requestsOf: typeof singlePosts, messagesPerRequest: number): Runner {
  return async ({ contestant, plan, topic, tally }) => {
    const { answersPerSecond, ...rest } = await runClosedLoop({
      door: contestant.door,
      connectionsCount: CONNECTIONS_COUNT,
      warmUpMs: plan.doorWarmUpMs,
      windowMs: plan.doorMs,
      requests: requestsOf({ topic, tally }),
    });
    return { ...rest, messagesPerSecond: answersPerSecond * messagesPerRequest };
  };
}

async function runReceives({ contestant, client, plan, topic, tally }: RunOptions): Promise<Measured> {
  const hasLease = client === undefined || client.capabilities.has('lease');
  if (client !== undefined) await preload(client, topic, tally, plan.preloadCount);
  const { answersPerSecond, ...rest } = await runClosedLoop({
    door: contestant.door,
    connectionsCount: CONNECTIONS_COUNT,
    warmUpMs: plan.doorWarmUpMs,
    windowMs: plan.doorMs,
    requests: receives({ topic, tally, hasLease }),
  });
  return { ...rest, messagesPerSecond: answersPerSecond / (hasLease ? 2 : 1) };
}

async function runPaced({ contestant, plan, topic, tally }: RunOptions): Promise<Measured> {
  const { answersPerSecond, ...rest } = await runOpenLoop({
    door: contestant.door,
    requestsPerSecond: REQUESTS_PER_SECOND,
    warmUpMs: plan.doorWarmUpMs,
    windowMs: plan.doorMs,
    topic,
    tally,
  });
  return { ...rest, messagesPerSecond: answersPerSecond };
}

async function preload(client: Broker, topic: string, tally: Tally, count: number): Promise<void> {
  for (let first = 0; first < count; first += PRELOAD_COUNT) {
    const numbers = Array.from({ length: Math.min(PRELOAD_COUNT, count - first) }, (_, index) => first + index);
    await client.sendBatch(
      topic,
      numbers.map((number) => ({ body: numberedBody(number) })),
    );
    for (const number of numbers) tally.sent(number);
  }
}

/** Receives what is left, to the last message. */
async function drain(client: Broker, topic: string, tally: Tally): Promise<void> {
  const hasLease = client.capabilities.has('lease');
  for (;;) {
    const deliveries = await client.receive(topic, { max: DRAIN_COUNT, bytesMax: DRAIN_BYTES_MAX });
    const last = deliveries.at(-1);
    if (last === undefined) return;
    for (const { body } of deliveries) tally.received(numberIn(body));
    if (hasLease) await client.ack([last], { cumulative: true });
  }
}
