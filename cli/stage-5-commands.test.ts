/** What commands can ask of stage 5, in this process, on a real broker behind its two doors. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { hintFor } from './hints.ts';
import { type OpenedServer, openServer } from './target.ts';
import { type Ran, runCaptured } from './testing/captured-terminal.ts';

let server: OpenedServer;
before(async () => {
  server = await openServer(5, { tcp: { port: 0 } });
});
after(() => server.close(1000));

/** Each call over the other door than the one before: a command works the same over both. */
let isTcp = false;
function mq(...words: readonly string[]): Promise<Ran> {
  isTcp = !isTcp;
  const target = isTcp ? server.doors.tcp?.url : server.url;
  return runCaptured([...words, '--target', target ?? '']);
}

async function printed(...words: readonly string[]): Promise<string> {
  const ran = await mq(...words);
  assert.equal(ran.exitCode, 0, `mq ${words.join(' ')}: ${ran.stderr}`);
  return ran.stdout;
}

test('a receive takes what matches its selector or has one of its tags, and leaves the rest to others', async () => {
  await printed('send', 'sorted', '-m', 'one', '--header', 'region=eu', '--header', 'tag=a');
  await printed('send', 'sorted', '-m', 'two', '--header', 'region=us', '--header', 'tag=b');
  await printed('send', 'sorted', '-m', 'three', '--header', 'region=us', '--header', 'tag=c');
  assert.equal(await printed('receive', 'sorted', '--wait', '0', '--selector', "region = 'eu'"), 'one\n');
  assert.equal(await printed('receive', 'sorted', '--wait', '0', '--tag', 'a', '--tag', 'c'), 'three\n');
  const both = ['--selector', "region = 'us'", '--tag', 'c'];
  assert.equal(await printed('receive', 'sorted', '--wait', '0', ...both), '', 'both have to match');
  assert.equal(await printed('receive', 'sorted', '--wait', '0'), 'two\n');
});

test('a group gets only what its filter lets through, and says so when it is described', async () => {
  await printed('topics', 'create', 'filtered');
  await printed('groups', 'create', 'filtered', 'eu', '--selector', "region = 'eu'", '--tag', 'a b');
  await printed('send', 'filtered', '-m', 'not', '--header', 'region=eu');
  await printed('send', 'filtered', '-m', 'yes', '--header', 'region=eu', '--header', 'tag=a b');
  assert.equal(await printed('receive', 'filtered', '--wait', '0', '--group', 'eu'), 'yes\n');
  const described = await printed('groups', 'describe', 'filtered', 'eu');
  assert.match(described, /\ngets only --tag 'a b' --selector 'region = '\\''eu'\\'''\n/);
  assert.doesNotMatch(await printed('groups', 'describe', 'sorted', 'default'), /gets only/);
  const other = await mq('groups', 'create', 'filtered', 'eu', '--tag', 'c');
  assert.match(other.stderr, /MQ_GROUP_EXISTS.*mq groups describe filtered <group>/s);
});

test('a selector that is none is wrong use, and the answer says where and what one looks like', async () => {
  for (const words of [
    ['receive', 'sorted'],
    ['groups', 'create', 'sorted', 'wrong'],
  ]) {
    const { exitCode, stderr } = await mq(...words, '--selector', 'price >');
    assert.equal(exitCode, 2);
    assert.match(
      stderr,
      /^mq: the selector is wrong at position 7: .*\(MQ_INVALID_SELECTOR\)\n +a text has single quotes/,
    );
    assert.match((await mq(...words, '--selector', '')).stderr, /^mq: --selector must be a condition/);
    assert.match((await mq(...words, '--tag', 'x'.repeat(70_000))).stderr, /^mq: --tag must be /);
  }
});

test('a topic with a window stores an id once, and what is no window is refused', async () => {
  await printed('topics', 'create', 'once', '--dedup-window', '60000');
  assert.match(await printed('topics', 'describe', 'once'), /dedupWindowMs 60000/);
  assert.match((await mq('topics', 'create', 'x', '--dedup-window', '0')).stderr, /'--dedup-window <ms>'/);
});

test('a fetch stops at an open transaction unless it reads what is not committed', async () => {
  await printed('send', 'undecided', '-m', 'before');
  const transaction = await server.broker.begin();
  await transaction.send('undecided', { body: 'open' });
  assert.equal(await printed('fetch', 'undecided'), 'before\n');
  assert.equal(await printed('fetch', 'undecided', '--read-uncommitted'), 'before\nopen\n');
  await transaction.abort();
});

test('what only stage 5 has is refused elsewhere by the flag that was typed', async () => {
  const earlier = await openServer(2, {});
  try {
    const lines = [
      ['receive', 't', '--selector', 'a = 1'],
      ['receive', 't', '--tag', 'a'],
      ['groups', 'create', 't', 'g', '--selector', 'a = 1'],
      ['fetch', 't', '--read-uncommitted'],
      ['topics', 'create', 'u', '--dedup-window', '5'],
    ];
    await runCaptured(['send', 't', '-m', 'a', '--target', earlier.url]);
    for (const words of lines) {
      const flag = words.find((word) => word.startsWith('--')) ?? '';
      const { exitCode, stderr } = await runCaptured([...words, '--target', earlier.url]);
      assert.equal(exitCode, 2);
      assert.match(stderr, new RegExp(`^mq: ${flag} needs the capability ".*\\(stages 5 and up have it\\)`));
    }
  } finally {
    await earlier.close(1000);
  }
});

test('who cannot be reached for want of trust, or for the other kind of url, is told that and not to start a server', () => {
  const hint = (failure: string) => hintFor('MQ_UNREACHABLE', { failure }) ?? '';
  assert.match(hint('the connection broke: self-signed certificate'), /--ca <file>/);
  assert.match(hint('the connection was closed without a word (mq: and mqs: differ)'), /TLS/);
  assert.match(hint('connect ECONNREFUSED'), /start a server/);
});
