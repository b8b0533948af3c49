/**
 * Sends mutated conversations to a server, many at once, while another client works.
 *
 * Always true: the same seed makes the same mutants; after every few hundred of them no connection is left, no defect was
 * told, and the process holds about as much as when a tenth of them had come. Tests of doors call it.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { type Random, SeededRandom } from '../../../../shared/random.ts';
import {
  aliveBytes,
  assertAlive,
  assertFlat,
  type Footprint,
  footprint,
  isAllClosed,
} from '../../../3-http-server/testing/footprint.ts';
import { until } from '../../../3-http-server/testing/until.ts';

const CONNECTIONS_AT_ONCE = 20;
/** Mutants between two looks at the server. */
const LOOK_EVERY = 500;
/** How often what is held is weighed: everything is collected for it. */
const WEIGHED_COUNT = 10;
/** For the broker's trace of what happened, which grows to 65,536 events, and what its caches hold. */
const ALIVE_BYTES_MORE = 32 * 1024 * 1024;
const RSS_BYTES_MORE = 256 * 1024 * 1024;

/** How many, and which. */
export interface MutationRun {
  readonly seed: number;
  readonly count: number;
}

export interface MutantTarget {
  readonly server: { readonly port: number; readonly connectionCount: number };
  /** What the server told of itself. */
  readonly defects: readonly unknown[];
  readonly mutate: (random: Random) => Uint8Array;
  /** Something that always works, by a client that is there all the time. */
  readonly control: (sent: number) => Promise<void>;
  /** What mutants stored is theirs alone; without it, memory is comparable. */
  readonly clear: () => Promise<void>;
}

export async function runMutants(
  { server, defects, mutate, control, clear }: MutantTarget,
  { seed, count }: MutationRun,
): Promise<void> {
  const random = new SeededRandom(seed);
  let before: Held | undefined;
  const weighEvery = Math.ceil(count / WEIGHED_COUNT / LOOK_EVERY) * LOOK_EVERY;
  for (let sent = 0; sent < count; ) {
    const mutants = Array.from({ length: CONNECTIONS_AT_ONCE }, () => mutate(random));
    await Promise.all(mutants.map((bytes) => send(server.port, bytes)));
    sent += CONNECTIONS_AT_ONCE;
    await control(sent);
    if (sent % LOOK_EVERY !== 0) continue;
    await until('only the control client is there', () => server.connectionCount === 1);
    assert.deepEqual(defects, [], `seed ${seed}, after ${sent}`);
    await clear();
    if (sent % weighEvery !== 0) continue;
    // The first ones make what is made once, and V8 makes room for the garbage of the others.
    before ??= { alive: aliveBytes(), footprint: footprint() };
    await assertNoMore(before, { clear, when: `long after ${sent} mutants (seed ${seed})` });
  }
}

/** By the process. */
interface Held {
  readonly alive: number;
  readonly footprint: Footprint;
}

/** What mutants began may go on a moment: a session is taken over, a will comes when it ends, and topics are made for them. */
async function assertNoMore(
  before: Held,
  { clear, when }: Pick<MutantTarget, 'clear'> & { readonly when: string },
): Promise<void> {
  const isOver = async (): Promise<boolean> => {
    await clear();
    return isAllClosed(before.footprint);
  };
  await until('nothing is left of mutants', isOver).catch(() => undefined); // what is, is said below
  assertAlive(before.alive, { when, bytesMore: ALIVE_BYTES_MORE });
  assertFlat(before.footprint, { when, rssBytesMore: RSS_BYTES_MORE });
}

/** Resolves when the connection is over. */
function send(port: number, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
    socket.resume();
    socket.end(bytes);
  });
}
