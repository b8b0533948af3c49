import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isMqError } from '../shared/contract/errors.ts';
import { runBench } from './run.ts';
import { ALL_TARGETS, parseTargets } from './targets.ts';

const RUN = fileURLToPath(new URL('./run.ts', import.meta.url));

/** Runs the command; resolves to its exit code and what it wrote to standard error. */
function command(...args: string[]): Promise<{ code: unknown; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [RUN, ...args], (error, _stdout, stderr) => resolve({ code: error?.code ?? 0, stderr }));
  });
}

test('targets are stages, in their order and each once, and urls without path', () => {
  assert.deepEqual(parseTargets(['3', 'protocols', '1', '3', 'http://127.0.0.1:6767/', 'mq://127.0.0.1:6768']), {
    stages: [1, 3],
    urls: ['http://127.0.0.1:6767'],
    tcpUrls: ['mq://127.0.0.1:6768'],
    hasProtocols: true,
  });
  assert.deepEqual(parseTargets([]).stages.map(String), ALL_TARGETS);
  assert.equal(parseTargets([]).hasProtocols, false);
});

test('what is neither a stage nor the url of a server is refused before anything is measured', async () => {
  for (const target of ['0', '1.0', 'one', '', 'ftp://127.0.0.1', 'http://', 'mq://', 'mq:///x', 'toString']) {
    const bench = runBench({ targets: [target], isQuick: true });
    await assert.rejects(bench, (error: unknown) => isMqError(error, 'MQ_INVALID_ARGUMENT'), target);
  }
});

test('a folder that no report can be written into is refused before anything is measured', async () => {
  const refused = await command('1', '--quick', '--output', RUN);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /^no report can be written into the folder ".*run\.ts": it is a file\n$/);
});

test('wrong use ends with 2 and says what is right', async () => {
  const wrongTarget = await command('9');
  assert.equal(wrongTarget.code, 2);
  assert.match(wrongTarget.stderr, /a target is a stage \(1, 2, 3, 4, 5\), protocols, or the url of a server, not "9"/);
  const wrongFlag = await command('--fast');
  assert.equal(wrongFlag.code, 2);
  assert.match(wrongFlag.stderr, /--fast/);
  const both = await command('4', '--quick', '--long');
  assert.equal(both.code, 2);
  assert.match(both.stderr, /quick or long, not both/);
});
