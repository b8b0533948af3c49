/**
 * Crowds at the port of a door: hundreds of peers that say what they have to say a byte at a time, and thousands that come and
 * go, half of them before they have said it, while one client works.
 *
 *     slow:    silent | half a greeting | a greeting, byte by byte | greeted, and the next frame byte by byte      never whole
 *     storm:   greeted, then an orderly end | greeted, then gone | part of a greeting, then gone | the same, reset
 *
 * Always true: the client that works is answered between any two rounds, however many there are; slow peers are ended by the
 * server and not by themselves; afterwards that client is alone, and the process holds about as much as before. Tests of doors
 * call it.
 */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { aliveBytes, assertAlive, assertFlat, footprint } from './footprint.ts';
import { until } from './until.ts';

const RSS_BYTES_MORE = 128 * 1024 * 1024;
/** For compiled code, and what the client that works has sent. */
const ALIVE_BYTES_MORE = 4 * 1024 * 1024;
const COMERS_AT_ONCE = 50;
/** Far above what any machine needs, and any time-out of a test. */
const GIVE_UP_MS = 120_000;

/** What a peer says, in the words of the protocol. */
export interface Talk {
  readonly greeting: Uint8Array;
  /** In what it hears when it has been greeted, read as latin1. */
  readonly welcome: string;
  /** What may come next; the slow never come to its end. */
  readonly later: Uint8Array;
}

/** A door that a crowd comes to. */
export interface CrowdedDoor {
  readonly server: { readonly port: number; readonly connectionCount: number };
  /** Of the peer with this number. */
  readonly talk: (index: number) => Talk;
  /** What the server told of itself. */
  readonly defects: readonly unknown[];
  /** Something that always works, by a client that is connected all the time. */
  readonly control: () => Promise<unknown>;
}

/** Resolves when the server has ended the last of `count` peers; `pause` is between two bytes of each. */
export async function comeSlowly(
  { server, talk, defects, control }: CrowdedDoor,
  { count, pause }: { readonly count: number; readonly pause: () => Promise<unknown> },
): Promise<void> {
  await control();
  const before = footprint();
  const aliveBefore = aliveBytes();
  let roundCount = 0;
  await sayEverythingSlowly(
    Array.from({ length: count }, (_, index) => new SlowPeer(server.port, { index, ...talk(index) })),
    async () => {
      await control();
      await pause();
      roundCount += 1;
    },
  );
  await control();
  await aloneAgain(server, defects);
  const when = `after ${roundCount} rounds of ${count} slow peers`;
  assertFlat(before, { when, rssBytesMore: RSS_BYTES_MORE });
  assertAlive(aliveBefore, { when, bytesMore: ALIVE_BYTES_MORE });
}

async function sayEverythingSlowly(peers: readonly SlowPeer[], betweenRounds: () => Promise<void>): Promise<void> {
  await Promise.all(peers.map((peer) => peer.ready));
  const startedMs = performance.now();
  while (peers.some(({ isOver }) => !isOver)) {
    assert.ok(performance.now() - startedMs < GIVE_UP_MS, 'the slow peers are sent away');
    for (const peer of peers) peer.sayOneByte();
    await betweenRounds();
  }
}

/** Resolves when `count` peers have come and gone. */
export async function comeAndGo(
  { server, talk, defects, control }: CrowdedDoor,
  { count }: { readonly count: number },
): Promise<void> {
  let before = footprint();
  let aliveBefore = 0;
  const lookEvery = Math.ceil(count / 10 / COMERS_AT_ONCE) * COMERS_AT_ONCE;
  for (let goneCount = 0; goneCount < count; ) {
    const from = goneCount;
    const comers = Array.from({ length: Math.min(COMERS_AT_ONCE, count - from) }, (_, index) => from + index);
    await Promise.all(comers.map((index) => visit(server.port, { index, ...talk(index) })));
    await control();
    goneCount += comers.length;
    if (goneCount % lookEvery !== 0) continue;
    await aloneAgain(server, defects);
    // The first ones make what is made once.
    if (goneCount === lookEvery) {
      before = footprint();
      aliveBefore = aliveBytes();
    }
    const when = `after ${goneCount} peers`;
    assertFlat(before, { when, rssBytesMore: RSS_BYTES_MORE });
    assertAlive(aliveBefore, { when, bytesMore: ALIVE_BYTES_MORE });
  }
  await aloneAgain(server, defects);
}

async function aloneAgain(server: CrowdedDoor['server'], defects: readonly unknown[]): Promise<void> {
  await until('only the client that works is there', () => server.connectionCount === 1);
  assert.deepEqual(defects, []);
}

interface Told extends Talk {
  readonly index: number;
}

/** One of four kinds, by its number. */
class SlowPeer {
  readonly #socket: Socket;
  #left: Uint8Array = new Uint8Array();
  isOver = false;
  /** Whether it is one that is greeted or not, it has come so far. */
  readonly ready: Promise<unknown>;

  constructor(port: number, { index, greeting, welcome, later }: Told) {
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.#socket.on('close', () => {
      this.isOver = true;
    });
    const kind = index % 4;
    if (kind === 1) this.#socket.write(greeting.subarray(0, greeting.length >> 1));
    if (kind === 2) this.#left = greeting;
    if (kind === 3) this.#socket.write(greeting);
    this.ready = heard(this.#socket, kind === 3 ? welcome : undefined).then(() => {
      if (kind === 3) this.#left = later;
    });
  }

  /** All but the last. */
  sayOneByte(): void {
    if (this.isOver || this.#left.length <= 1) return;
    this.#socket.write(this.#left.subarray(0, 1));
    this.#left = this.#left.subarray(1);
  }
}

/** Resolves when the connection is over. */
async function visit(port: number, { index, greeting, welcome }: Told): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  const isGone = new Promise((resolve) => socket.on('close', resolve));
  const kind = index % 4;
  const isGreeted = kind < 2;
  const saidBytes = isGreeted ? greeting.length : 1 + (index % (greeting.length - 1));
  const isSaid = new Promise<void>((resolve) => socket.write(greeting.subarray(0, saidBytes), () => resolve()));
  await Promise.race([isGone, Promise.all([isSaid, heard(socket, isGreeted ? welcome : undefined)])]);
  if (kind === 0) socket.end();
  else if (kind === 3) socket.resetAndDestroy();
  else socket.destroy();
  await isGone;
}

/** Resolves when `text` came, or the connection is over; without a text when it is there. */
function heard(socket: Socket, text: string | undefined): Promise<void> {
  return new Promise((resolve) => {
    let all = '';
    socket.on('data', (bytes: Buffer) => {
      if (text === undefined || all.includes(text)) return;
      all += bytes.toString('latin1');
      if (all.includes(text)) resolve();
    });
    // A reset is one of the ways in which a server may end a conversation with somebody hostile.
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
    if (text === undefined) socket.on('connect', () => resolve());
  });
}
