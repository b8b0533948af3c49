/** A process that runs out of file descriptors: run for real, in a child whose limit is low. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ask } from './testing/doors.ts';
import { RawConnection, requestText } from './testing/raw-connection.ts';
import { until } from './testing/until.ts';

const DESCRIPTORS_MAX = 64;
const CONNECTION_COUNT = 200;

test('a server without file descriptors refuses connections, does not spin, and works again when it has some', async (context) => {
  if (process.platform === 'win32') return context.skip('the limit is set with ulimit');
  const script = fileURLToPath(new URL('testing/serve.ts', import.meta.url));
  const child = spawn('sh', ['-c', `ulimit -n ${DESCRIPTORS_MAX} && exec "$0" "$1"`, process.execPath, script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    const lines = createInterface({ input: child.stdout });
    const nextLine = async (): Promise<string> => String((await once(lines, 'line'))[0]);
    const url = await nextLine();
    const connections = Array.from({ length: CONNECTION_COUNT }, () => new RawConnection(url));
    const isOver = connections.map((connection) => connection.rest());
    for (const connection of connections) connection.write(requestText('GET', '/healthz'));
    await Promise.race(isOver);
    const cpuUsUsed = async (): Promise<number> => {
      child.stdin.write('cpu\n');
      return Number(await nextLine());
    };
    const beforeUs = await cpuUsUsed();
    const sinceMs = performance.now();
    await until('half a second has passed', () => performance.now() - sinceMs > 500);
    const busyShare = ((await cpuUsUsed()) - beforeUs) / 1000 / (performance.now() - sinceMs);
    assert.ok(busyShare < 0.5, `the server used ${busyShare} of a core while nobody asked for anything`);
    for (const connection of connections) connection.destroy();
    await until('the server answers again', async () => {
      const answer = await ask(`${url}/healthz`).catch(() => undefined);
      return answer?.status === 200;
    });
    assert.equal(child.exitCode, null);
  } finally {
    child.kill();
  }
});
