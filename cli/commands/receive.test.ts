import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type RunOptions, runCaptured } from '../testing/captured-terminal.ts';
import { startServer } from '../testing/mq-process.ts';

let server: Awaited<ReturnType<typeof startServer>>;
before(async () => {
  server = await startServer();
});
after(() => server[Symbol.asyncDispose]());

function mq(line: string, options: RunOptions = {}) {
  return runCaptured([...line.split(' '), '--target', server.url], options);
}

async function committedOffset(topic: string): Promise<number> {
  return JSON.parse((await mq(`groups describe ${topic} default --json`)).stdout).committedOffset;
}

test('a reader that takes three lines and goes away finishes three messages, not hundreds', async () => {
  const numbers = Array.from({ length: 3000 }, (_, line) => `${line}\n`);
  await mq('send head', { input: numbers.join('') });
  const { exitCode, stdout, stderr } = await mq('receive head', { linesRead: 3 });
  assert.deepEqual([exitCode, stdout, stderr], [0, '0\n1\n2\n', '']);
  assert.equal(await committedOffset('head'), 3);
  assert.equal((await mq('receive head --max 2997')).stdout, numbers.slice(3).join(''));
});

test('a topic that was not there is told to be new and empty, once', async () => {
  const first = await mq('receive nosuch --wait 0');
  assert.deepEqual([first.exitCode, first.stdout], [0, '']);
  assert.match(first.stderr, /^mq: topic "nosuch" is new and empty\n.*mq topics.*mq send nosuch/);
  assert.equal((await mq('receive nosuch --wait 0')).stderr, '');
});
