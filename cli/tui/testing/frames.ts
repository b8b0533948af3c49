/** What tests of the real screen look for: whole frames, and the broker whose process it shows. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { widthOf } from '../text.ts';
import type { WatchedScreen } from '../watched-screen.ts';

const REFUSED_TRIES_MAX = 20;

/** What is wrong with the frames on the screen; empty when every edge is where it belongs. */
export function tornParts({ lines, text, terminal }: WatchedScreen): string[] {
  const count = (corner: string): number => text.split(corner).length - 1;
  return [
    ...lines.filter((line) => widthOf(line) > terminal.cols),
    ...lines.filter((line) => /^[│┌└]/.test(line) && widthOf(line) !== terminal.cols),
    ...['┌', '┐', '└', '┘'].filter((corner) => count(corner) < 1 || count(corner) !== count('┌')),
  ];
}

export function assertWhole(screen: WatchedScreen): void {
  assert.deepEqual(tornParts(screen), [], screen.text);
}

/** The broker's process as the screen shows it, in its `life`. */
export async function brokerShown(
  screen: WatchedScreen,
  life: number,
): Promise<{ readonly pid: number; readonly port: number }> {
  const shown = new RegExp(`pid (\\d+), life ${life}[^]*mq://127\\.0\\.0\\.1:(\\d+)`);
  await screen.until(shown);
  const [, pid, port] = shown.exec(screen.text) ?? [];
  return { pid: Number(pid), port: Number(port) };
}

/** Nobody listens there any more. A process that is ending resets whoever comes. */
export async function assertRefused(port: number): Promise<void> {
  const codes = new Set<string>();
  for (let tries = 0; tries < REFUSED_TRIES_MAX && !codes.has('ECONNREFUSED'); tries += 1) {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', (error: NodeJS.ErrnoException) => codes.add(error.code ?? ''));
    await new Promise((resolve) => socket.resume().on('close', resolve));
  }
  assert.ok(codes.has('ECONNREFUSED'), `${port}: ${[...codes]}`);
}
