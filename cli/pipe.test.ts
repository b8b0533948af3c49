/** Bytes through the real thing: mq send | mq serve | mq receive. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import process from 'node:process';
import { after, before, test } from 'node:test';
import { runCaptured } from './testing/captured-terminal.ts';
import { awkwardLines } from './testing/lines-of-any-kind.ts';
import { MqProcess, runMq, startServer } from './testing/mq-process.ts';

const LINES_COUNT = 20_000;

let server: Awaited<ReturnType<typeof startServer>>;
before(async () => {
  server = await startServer();
});
after(() => server[Symbol.asyncDispose]());

/** A command as a process of its own, through real pipes. */
function mqPiped(line: string, input?: string | Uint8Array) {
  return runMq([...line.split(' '), '--target', server.url], { input });
}

/** The same command in this process, where the pipe is not the question. */
function mq(line: string, input?: string | Uint8Array) {
  return runCaptured([...line.split(' '), '--target', server.url], { input });
}

test('20,000 lines of any bytes come back byte for byte and in order, for each of two groups', async () => {
  const file = awkwardLines(LINES_COUNT);
  const sent = await mqPiped('send file', file);
  assert.equal(sent.exitCode, 0, sent.stderr);
  assert.match(sent.stdout.toString(), /sent 20,000 messages to file \(offsets 0 to 19999\)/);
  for (const group of ['g', 'h']) {
    const received = await mqPiped(`receive file --group ${group} --max ${LINES_COUNT}`);
    assert.equal(received.exitCode, 0, received.stderr);
    assert.ok(received.stdout.equals(file), `group ${group}: ${received.stdout.length} of ${file.length} bytes`);
  }
  const again = await mq('receive file --group g --wait 0');
  assert.equal(again.stdout.length, 0);
});

test('an empty line is an empty message, and a last line without LF is a message', async () => {
  const sent = await mq('send edges --json', '\na\n\nb');
  const all = { count: 4, firstOffset: 0, lastOffset: 3 };
  const told = {
    topic: 'edges',
    isDelayed: false,
    ...all,
    durability: 'memory',
    partitions: [{ partition: 0, ...all }],
  };
  assert.deepEqual(JSON.parse(sent.stdout), told);
  const received = await mq('receive edges --max 4');
  assert.equal(received.stdout, '\na\n\nb\n');
});

test('--raw sends all of standard input as one message, and prints it without an added line end', async () => {
  const bytes = randomBytes(100_000);
  assert.equal((await mq('send raw --raw --key k --header color=red --header __proto__=x', bytes)).exitCode, 0);
  const peek = await mq('receive raw --group peek --max 1 --json');
  const { key, headers, encoding, body } = JSON.parse(peek.stdout);
  assert.equal(key, 'k');
  assert.deepEqual(Object.entries(headers), [
    ['color', 'red'],
    ['__proto__', 'x'],
  ]);
  assert.ok(Buffer.from(body, encoding).equals(bytes));
  assert.ok((await mq('receive raw --raw --max 1')).bytes.equals(bytes));
});

test('a line longer than a message may be exits 1 and is named; what came before it was sent', async () => {
  const sent = await mq('send long', `a\nb\n${'x'.repeat(2_000_000)}\nc\n`);
  assert.equal(sent.exitCode, 1);
  assert.match(sent.stderr, /2 messages had been accepted.*line 3 has more than/s);
  assert.equal((await mq('fetch long --max 9')).stdout, 'a\nb\n');
});

test('a topic smaller than a batch is filled batch by batch, and a full one says what to do', async () => {
  assert.equal((await mq('topics create small --messages-max 8')).exitCode, 0);
  const reading = mq('receive small --max 100 --wait 20000');
  const numbers = `${Array.from({ length: 100 }, (_, line) => line).join('\n')}\n`;
  assert.equal((await mq('send small', numbers)).exitCode, 0);
  assert.equal((await reading).stdout, numbers);
  assert.equal((await mq('topics create tiny --messages-max 2 --overflow reject')).exitCode, 0);
  const full = await mq('send tiny --message a --message b --message c');
  assert.equal(full.exitCode, 1);
  assert.match(full.stderr, /2 messages had been accepted.*MQ_QUEUE_FULL.*mq receive/s);
});

test('a consumer that is killed loses nothing: what it did not acknowledge comes again', async () => {
  const numbers = `${Array.from({ length: 3000 }, (_, line) => line).join('\n')}\n`;
  assert.equal((await mq('send crash', numbers)).exitCode, 0);
  await using killed = new MqProcess(['receive', 'crash', '--follow', '--lease', '300', '--target', server.url]);
  await killed.saw(/\n/);
  killed.child.kill('SIGKILL');
  const seen = (await killed.ended).stdout.toString();
  const rest = (await mq('receive crash --wait 1000')).stdout;
  const lines = new Set((seen.slice(0, seen.lastIndexOf('\n') + 1) + rest).split('\n'));
  assert.equal(lines.size - 1, 3000);
});

test('a reader that goes away ends the command quietly, and what it did not get comes again at once', async () => {
  const big = `${Array.from({ length: 400 }, (_, line) => `${line} ${'x'.repeat(4000)}`).join('\n')}\n`;
  assert.equal((await mq('send head', big)).exitCode, 0);
  await using head = new MqProcess(['receive', 'head', '--target', server.url]);
  head.child.stdout.destroy();
  const { exitCode, stderr } = await head.ended;
  assert.equal(exitCode, 0);
  assert.equal(stderr, '');
  assert.equal((await mq('receive head --wait 0')).stdout, big);
});

test('Ctrl-C ends a reader that follows: exit code 130, and everything it printed is finished', {
  skip: process.platform === 'win32' && 'Windows has no signals to send',
}, async () => {
  await mq('send follow', 'a\nb\n');
  await using following = new MqProcess(['receive', 'follow', '--follow', '--target', server.url]);
  await following.saw(/a\nb\n/);
  await mq('send follow', 'c\n');
  await following.saw(/c\n/);
  following.child.kill('SIGINT');
  const { exitCode, stderr } = await following.ended;
  assert.deepEqual([exitCode, stderr], [130, '']);
  assert.equal((await mq('receive follow --wait 0')).stdout, '');
  assert.equal(JSON.parse((await mq('groups describe follow default --json')).stdout).committedOffset, 3);
});

test('--ack none leaves messages unacknowledged, and --group on fetch remembers where it was', async () => {
  await mq('send notes', 'a\nb\nc\n');
  assert.equal((await mq('receive notes --ack none --max 3 --lease 60000')).stdout, 'a\nb\nc\n');
  const { inFlightCount } = JSON.parse((await mq('groups describe notes default --json')).stdout);
  assert.equal(inFlightCount, 3);
  assert.equal((await mq('fetch notes --group log --max 2')).stdout, 'a\nb\n');
  assert.equal((await mq('fetch notes --group log')).stdout, 'c\n');
  assert.match((await mq('groups seek notes log 1')).stdout, /goes on at offset 1/);
  assert.equal((await mq('fetch notes --group log')).stdout, 'b\nc\n');
});

test('topics and groups are created, listed, described and deleted', async () => {
  assert.equal((await mq('topics create made --messages-max 5')).exitCode, 0);
  assert.equal((await mq('groups create made audit --start latest --ephemeral')).exitCode, 0);
  assert.match((await mq('topics')).stdout, /^topic .*\n(.*\n)*made +1 /);
  assert.match((await mq('topics describe made')).stdout, /messagesMax 5/);
  assert.match((await mq('groups')).stdout, /made +audit +undecided/);
  const clash = await mq('topics create made --messages-max 6');
  assert.equal(clash.exitCode, 1);
  assert.match(clash.stderr, /MQ_TOPIC_EXISTS/);
  assert.equal((await mq('groups delete made audit')).exitCode, 0);
  assert.match((await mq('groups describe made audit')).stderr, /MQ_UNKNOWN_GROUP/);
  assert.equal((await mq('topics delete made')).exitCode, 0);
  const gone = await mq('topics describe made');
  assert.equal(gone.exitCode, 1);
  assert.match(gone.stderr, /MQ_UNKNOWN_TOPIC.*mq topics create/s);
});

test('a token is asked for, taken from the environment, and never printed', async () => {
  await using guarded = await startServer(['3'], { env: { MQ_TOKEN: 'geheim' } });
  const call = (token?: string) => runCaptured(['topics', '--target', guarded.url], { env: { MQ_TOKEN: token } });
  const without = await call();
  assert.equal(without.exitCode, 1);
  assert.match(without.stderr, /MQ_UNAUTHORIZED.*--token/s);
  const wrong = await call('falsch');
  assert.equal(wrong.exitCode, 1);
  assert.equal((await call('geheim')).exitCode, 0);
  guarded.mq.child.kill('SIGTERM');
  const { stdout, stderr } = await guarded.mq.ended;
  assert.doesNotMatch(`${stdout}${stderr}${without.stderr}${wrong.stderr}`, /geheim|falsch/);
});
