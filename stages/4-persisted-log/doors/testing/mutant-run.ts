/**
 * Sends mutated conversations to a server, many at once, while another client works.
 *
 * Always true: the same seed makes the same mutants; after every few hundred of them no connection is left, no defect was
 * told, and the process holds about as much as at the beginning. Tests of doors call it.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { type Random, SeededRandom } from '../../../../shared/random.ts';
import { assertFlat, type Footprint, footprint, isFlat } from '../../../3-http-server/testing/footprint.ts';
import { until } from '../../../3-http-server/testing/until.ts';

const CONNECTIONS_AT_ONCE = 20;
/** Mutants between two looks at the server. */
const LOOK_EVERY = 500;
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
  let before: Footprint | undefined;
  for (let sent = 0; sent < count; sent += CONNECTIONS_AT_ONCE) {
    const mutants = Array.from({ length: CONNECTIONS_AT_ONCE }, () => mutate(random));
    await Promise.all(mutants.map((bytes) => send(server.port, bytes)));
    await control(sent);
    if (sent % LOOK_EVERY !== 0) continue;
    await until('only the control client is there', () => server.connectionCount === 1);
    assert.deepEqual(defects, [], `seed ${seed}, after ${sent}`);
    await clear();
    before ??= footprint();
    await untilFlat(before, { clear, what: `${sent} mutants (seed ${seed})` });
  }
}

/** What mutants began may go on a moment: a session is taken over, a will comes when it ends, and topics are made for them. */
async function untilFlat(
  before: Footprint,
  { clear, what }: Pick<MutantTarget, 'clear'> & { readonly what: string },
): Promise<void> {
  const bounds = { rssBytesMore: RSS_BYTES_MORE };
  try {
    await until('nothing is left of mutants', async () => {
      await clear();
      return isFlat(before, bounds);
    });
  } catch {
    assertFlat(before, { when: `long after ${what}`, ...bounds });
  }
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
