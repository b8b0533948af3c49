import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { ANSWER_MS_MAX, settled } from './deadline.ts';
import { ServerProcess } from './server-process.ts';

test('a server says what it used and holds, and its folder goes with it', async () => {
  const server = await ServerProcess.start('stage-4-tcp', { flushPolicy: 'never' });
  assert.match(server.url, /^mq:\/\/127\.0\.0\.1:\d+$/);
  assert.ok(existsSync(server.dataFolder));
  const [first, second] = [await server.usage(), await server.usage()];
  assert.ok(second.cpuUs >= first.cpuUs && second.wallUs > first.wallUs);
  const { heldBytes, residentBytes, residentBytesMax } = await server.memory();
  assert.ok(heldBytes > 0 && residentBytes > heldBytes && residentBytesMax > 0);
  await server.stop();
  await server.stop();
  assert.ok(!existsSync(server.dataFolder));
});

test('nothing is left of a server whose bench was killed', async (context) => {
  const source = `
    import { ServerProcess } from ${JSON.stringify(import.meta.resolve('./server-process.ts'))};
    const { dataFolder } = await ServerProcess.start('stage-4-tcp');
    process.stdout.write(dataFolder);
    setInterval(() => {}, 1000);`;
  const bench = spawn(process.execPath, ['--input-type=module', '--eval', source], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  bench.stderr.pipe(process.stderr, { end: false });
  context.after(() => bench.kill('SIGKILL'));
  const said = settled(once(bench.stdout, 'data'), { msMax: ANSWER_MS_MAX, otherwise: 'the bench started no server' });
  const folder = String((await said)[0]);
  assert.ok(existsSync(folder));
  bench.kill('SIGKILL');
  // The server writes its errors where the bench did: when the last of the two has ended.
  await once(bench, 'close');
  assert.ok(!existsSync(folder));
});
