/** The log and the numbers of `mq serve`. Processes and files are real. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { type TestContext, test } from 'node:test';
import { runCaptured } from './testing/captured-terminal.ts';
import { MqProcess } from './testing/mq-process.ts';

const needsSignals = process.platform === 'win32' ? { skip: 'Windows has no signals to send' } : {};
const TOKEN = 'planted-token-hunter2';

async function serve(context: TestContext, args: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'stagemq-log-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const mq = new MqProcess(['serve', '5', '--data', join(folder, 'data'), '--port', '0', '--tcp-port', '0', ...args]);
  const [, http = '', tcp = ''] = await mq.saw(/listens on (\S+) and (\S+)/);
  return { mq, http, tcp, [Symbol.asyncDispose]: () => mq[Symbol.asyncDispose]() };
}

test(
  'the log has a line for each connection and refusal, one JSON object each, and never the token',
  needsSignals,
  async (context) => {
    await using server = await serve(context, ['--log-format', 'json', '--token', TOKEN]);
    const headers = { authorization: `Bearer ${TOKEN}` };
    const path = `/topics/${encodeURIComponent('a\r\nforged "line"')}/messages?token=${TOKEN}`;
    await fetch(`${server.http}${path}`, { method: 'POST', headers, body: 'secret body' });
    await fetch(`${server.http}/topics`, { headers: { authorization: `Bearer ${TOKEN}wrong` } });
    await runCaptured(['topics', '--target', server.tcp, '--token', TOKEN]);
    await server.mq.saw(/disconnected/, 'stderr');
    const metrics = await (await fetch(`${server.http}/metrics`, { headers })).text();
    server.mq.child.kill('SIGTERM');
    const { stderr, exitCode } = await server.mq.ended;
    assert.equal(exitCode, 0);
    const lines = stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const told = lines.map(({ event, door, code }) =>
      [event, door, code].filter((word) => word !== undefined).join(' '),
    );
    for (const line of ['connected http', 'connected tcp', 'disconnected tcp', 'refused http MQ_UNAUTHORIZED']) {
      assert.ok(told.includes(line), `${line} is told: ${stderr}`);
    }
    assert.ok(!stderr.includes(TOKEN) && !stderr.includes('secret body'), stderr);
    assert.ok(!metrics.includes(TOKEN));
    assert.match(metrics, /mq_door_connections_count\{door="http"\} [1-9]/);
    assert.match(metrics, /mq_door_refusals_count\{door="http",code="MQ_UNAUTHORIZED"\} 1\n/);
    assert.match(metrics, /# TYPE mq_accepted_to_acked_seconds histogram\n/);
    assert.match(metrics, /mq_process_resident_bytes \d+\n/);
  },
);

test(
  'without a format only what needs attention is told, and doctor hears that the server takes messages',
  needsSignals,
  async (context) => {
    await using server = await serve(context, []);
    const doctor = await runCaptured(['doctor', '--target', server.http]);
    assert.match(doctor.stdout, /ok {4}ready +it takes messages\n/);
    assert.deepEqual(await (await fetch(`${server.http}/readyz`)).json(), { status: 'ready', findings: [] });
    server.mq.child.kill('SIGTERM');
    assert.equal((await server.mq.ended).stderr, '');
  },
);

test('advisory topics are there to be read, unless they are not wanted', needsSignals, async (context) => {
  await using server = await serve(context, ['--no-metrics', '--flush', 'never']);
  const topics = async (url: string): Promise<readonly string[]> => {
    const { topics: described } = (await (await fetch(`${url}/topics`)).json()) as { topics: { topic: string }[] };
    return described.map(({ topic }) => topic);
  };
  assert.ok((await topics(server.http)).includes('$sys/dead'));
  assert.doesNotMatch(await (await fetch(`${server.http}/metrics`)).text(), /mq_stored_count/);
  await using without = await serve(context, ['--no-advisories']);
  assert.deepEqual(await topics(without.http), []);
});

test(
  'in front of any stage the doors of others have a log: who breaks the protocol is told of, once for each',
  needsSignals,
  async () => {
    for (const stage of ['1', '3']) {
      await using mq = new MqProcess(['serve', stage, '--port', '0', '--stomp', '0', '--token', TOKEN]);
      const [, http = '', stompPort = ''] = await mq.saw(/listens on (\S+)[\s\S]*stomp:\/\/127\.0\.0\.1:(\d+)/);
      const broken = connect(Number(stompPort), '127.0.0.1');
      broken.resume().end('this is no STOMP\n\n\0');
      await once(broken, 'close');
      await fetch(`${http}/topics`, { headers: { authorization: `Bearer ${TOKEN}wrong` } });
      await mq.saw(/ WARN {2}refused code=MQ_PROTOCOL door=stomp /, 'stderr');
      await mq.saw(/ WARN {2}refused code=MQ_UNAUTHORIZED door=http /, 'stderr');
      const headers = { authorization: `Bearer ${TOKEN}` };
      const metrics = await (await fetch(`${http}/metrics`, { headers })).text();
      assert.match(metrics, /mq_door_refusals_count\{door="stomp",code="MQ_PROTOCOL"\} 1\n/);
      mq.child.kill('SIGTERM');
      const { stderr, exitCode } = await mq.ended;
      assert.deepEqual([exitCode, stderr.trimEnd().split('\n').length], [0, 2], stderr);
    }
    await using told = new MqProcess(['serve', '2', '--port', '0', '--mqtt', '0', '--log-format', 'json']);
    const [, port = ''] = await told.saw(/mqtt:\/\/127\.0\.0\.1:(\d+)/);
    connect(Number(port), '127.0.0.1').end();
    await told.saw(/"door":"mqtt".*"event":"connected"/, 'stderr');
    const { stderr } = await runCaptured(['serve', '2', '--mqtt', '0', '--no-metrics']);
    assert.match(stderr, /--no-metrics is for stage 5/);
  },
);

test('a stage without a log refuses its flags', async () => {
  for (const flags of [['--log-format', 'json'], ['--log-level', 'debug'], ['--no-advisories'], ['--no-metrics']]) {
    const { exitCode, stderr } = await runCaptured(['serve', '4', ...flags]);
    assert.equal(exitCode, 2, stderr);
    assert.match(stderr, new RegExp(`${flags[0]} is for stage 5`));
  }
});
