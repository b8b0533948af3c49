/** The commands of stage 4, in this process, on a real broker behind its two doors. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type OpenedServer, openServer } from './target.ts';
import { type Ran, runCaptured } from './testing/captured-terminal.ts';

let server: OpenedServer;
before(async () => {
  server = await openServer(4, { tcp: { port: 0 } });
});
after(() => server.close(1000));

/** Each call over the other door than the one before: a command works the same over both. */
let isTcp = false;
function mq(line: string, input?: string): Promise<Ran> {
  isTcp = !isTcp;
  const target = isTcp ? server.doors.tcp?.url : server.url;
  return runCaptured([...line.split(' '), '--target', target ?? ''], input === undefined ? {} : { input });
}

async function printed(line: string, input?: string): Promise<string> {
  const ran = await mq(line, input);
  assert.equal(ran.exitCode, 0, `mq ${line}: ${ran.stderr}`);
  return ran.stdout;
}

/** The id of the message that `mq receive` or `mq fetch --json` printed first. */
function idIn(json: string): string {
  return JSON.parse(json.split('\n')[0] ?? '').id;
}

test('what is sent says that it is on the disk, and to which partitions it went', async () => {
  await printed('topics create spread --partitions 3');
  assert.equal(
    await printed('send spread --partition 1', 'a\nb\n'),
    'sent 2 messages to spread (offsets 0 to 1, synced)\n',
  );
  assert.match(await printed('send spread -m x -m y -m z'), /^sent 3 messages to spread \(partition 0: .*synced\)\n$/);
  const { partitions, durability, firstOffset } = JSON.parse(await printed('send spread --json', 'a\n'));
  assert.deepEqual([partitions.length, durability, firstOffset === partitions[0].firstOffset], [1, 'synced', true]);
});

test('a batch over TCP may be compressed before it leaves, and comes back as it was', async () => {
  const lines = 'the same again\n'.repeat(1000);
  const { url = '' } = server.doors.tcp ?? {};
  const sent = await runCaptured(['send', 'small', '--codec', 'zstd', '--target', url], { input: lines });
  assert.equal(sent.exitCode, 0, sent.stderr);
  const { partitions } = JSON.parse(await printed('inspect small --json'));
  assert.ok(partitions[0].segments[0].bytes < lines.length / 2);
  assert.equal(await printed('receive small --wait 0'), lines);
});

test('each partition is read by itself, from its own begin or end', async () => {
  await printed('topics create parts --partitions 2');
  await printed('send parts --partition 0', 'a\nb\nc\n');
  await printed('send parts --partition 1', 'x\n');
  assert.equal(await printed('fetch parts --partition 1'), 'x\n');
  assert.equal(await printed('fetch parts --partition 1 --offset latest'), '');
  assert.equal(await printed('fetch parts --partition 0 --group log --max 2'), 'a\nb\n');
  assert.equal(await printed('fetch parts --partition 1 --group log'), 'x\n');
  assert.match(await printed('groups describe parts log'), /partition 0: committed 2\npartition 1: committed 1\n/);
});

test('a delayed message has no offset yet, a higher priority comes first, and what is past its time does not come', async () => {
  assert.equal(await printed('send late -m later --delay 60000'), 'sent 1 message to late (delayed, synced)\n');
  assert.equal(JSON.parse(await printed('send late -m later --at 2099-01-01T00:00:00Z --json')).isDelayed, true);
  assert.match(await printed('topics'), /^topic .* delayed .*\n(.*\n)*late +0 +0 +0 +2 /m);
  await printed('send late -m gone --ttl 1');
  await printed('send late -m low');
  await printed('send late -m high --priority 9');
  assert.equal(await printed('receive late --wait 0'), 'high\nlow\n');
  assert.match(await printed('inspect late'), /2 delayed messages, soonest first:\n(.*\n)*.*later/);
});

test('what was rejected is a dead letter that says why; it is shown, explained, brought back and dropped', async () => {
  await printed('topics create orders');
  await printed('groups create orders kitchen --deliveries-max 2');
  await printed('send orders -m tea -m coffee');
  assert.equal(await printed('dlq show orders --group kitchen'), 'group kitchen of orders has no dead letters\n');
  const retried = await printed('receive orders --group kitchen --max 1 --ack retry --reason spilled --json');
  assert.equal(await printed('receive orders --group kitchen --max 1 --ack reject --reason no-such-table'), 'tea\n');
  const shown = await printed('dlq show orders --group kitchen');
  assert.match(shown, /^id +why +deliveries .*\n\S+ +rejected +2 .* 0\/0 +no-such-table +tea\n$/);
  const [letter] = JSON.parse(await printed('dlq show orders --group kitchen --json'));
  assert.deepEqual([letter.id, letter.headers['$dead-reason']], [idIn(retried), 'rejected']);

  const told = await printed(`explain ${letter.id} --topic orders`);
  assert.match(told, /: partition 0, offset 0, accepted 2.*\n {2}group kitchen: dead, delivered 2 times\n/);
  for (const line of ['delivered .* 1', 'given-back .* 1 +retry: spilled', 'delivered .* 2', 'dead .* no-such-table']) {
    assert.match(told, new RegExp(`^\\d.*Z +${line}$`, 'm'));
  }
  assert.equal(
    JSON.parse(await printed(`explain ${letter.id} --json`)).length,
    2,
    'where it was sent, and where it is',
  );

  assert.match(await printed('dlq redrive orders --group kitchen --id nobody'), /^0 dead letters went back/);
  assert.match(
    await printed('dlq redrive orders --group kitchen'),
    /^1 dead letter went back to group kitchen of orders/,
  );
  assert.equal(await printed('dlq show orders --group kitchen'), 'group kitchen of orders has no dead letters\n');
  const again = await printed('receive orders --group kitchen --max 2 --ack reject --json --wait 0');
  assert.equal(again.trim().split('\n').length, 2);
  const dropped = JSON.parse(await printed('dlq drop orders --group kitchen --max 1 --json'));
  assert.deepEqual(dropped, { topic: 'orders', group: 'kitchen', count: 1 });
  assert.match(await printed('dlq drop orders --group kitchen --all'), /^1 dead letter deleted/);
});

test('a hundred dead letters come back with their history, and are finished for good', async () => {
  const numbers = Array.from({ length: 100 }, (_, line) => `${line}\n`).join('');
  await printed('topics create many');
  await printed('groups create many g --deliveries-max 1');
  await printed('send many', numbers);
  assert.equal(await printed('receive many --group g --max 100 --ack retry --reason overcooked'), numbers);
  assert.equal((await printed('dlq show many --group g')).trim().split('\n').length, 1 + 100);
  assert.match(await printed('dlq redrive many --group g'), /^100 dead letters went back to group g of many\n/);
  const back = (await printed('receive many --group g --max 100 --json')).trim().split('\n');
  const letters = back.map((line) => JSON.parse(line));
  assert.equal(letters.map(({ body }) => `${body}\n`).join(''), numbers);
  for (const { headers, deliveryCount } of letters) {
    const told = [headers['$dead-reason'], headers['$dead-error'], headers['$dead-delivery-count'], deliveryCount];
    assert.deepEqual(told, ['deliveries', 'overcooked', '1', 1]);
  }
  assert.equal(await printed('receive many --group g --wait 0'), '');
  assert.equal(await printed('receive many --group other --wait 0'), numbers, 'what came back is for its group alone');
});

test('dead letters of a group or topic there is not are refused, each with what to look at', async () => {
  await printed('send there -m x');
  const group = await mq('dlq show there --group nobody');
  assert.equal(group.exitCode, 1);
  assert.match(group.stderr, /no group "nobody" \(MQ_UNKNOWN_GROUP\)\n +.*mq groups there/);
  assert.match((await mq('dlq redrive nowhere')).stderr, /MQ_UNKNOWN_TOPIC.*\n +.*mq topics/);
  const unknown = await mq('explain nobody');
  assert.deepEqual([unknown.exitCode, unknown.stdout], [1, '']);
  assert.match(unknown.stderr, /no topic has a message with the id "nobody", or not any more\n +mq fetch/);
});

test('a given back message comes again, a returned one without counting', async () => {
  await printed('send back -m x');
  assert.equal(await printed('receive back --max 1 --ack return'), 'x\n');
  const first = JSON.parse(await printed('receive back --max 1 --ack retry --delay 1 --json'));
  const second = JSON.parse(await printed('receive back --max 1 --json --wait 20000'));
  assert.deepEqual([first.deliveryCount, second.deliveryCount, second.redeliveryReason], [1, 2, 'retry']);
});

test('a topic and a group that are paused hand out nothing until they are resumed', async () => {
  await printed('send quiet -m x');
  await printed('groups create quiet g');
  assert.match(
    await printed('topics pause quiet'),
    /paused: nothing of it is handed out until mq topics resume quiet\n/,
  );
  assert.match(await printed('groups pause quiet g'), /until mq groups resume quiet g\n/);
  assert.match(await printed('topics describe quiet'), /topic quiet is paused/);
  assert.match(await printed('groups describe quiet g'), /group g of quiet is paused/);
  assert.equal(await printed('receive quiet --group g --wait 0'), '');
  assert.deepEqual(JSON.parse(await printed('topics resume quiet --json')), { topic: 'quiet', isPaused: false });
  assert.equal(await printed('receive quiet --group g --wait 0'), '');
  await printed('groups resume quiet g');
  assert.equal(await printed('receive quiet --group g --wait 0'), 'x\n');
});

test('a group begins at a time, waits longer after each failure, and says when a message dies', async () => {
  await printed('send tale', 'a\nb\n');
  await printed('groups create tale late --start 2099-01-01T00:00:00Z --deliveries-max 3 --retry-delays 60000,90000');
  assert.match(await printed('groups describe tale late'), /dead after 3 deliveries that failed/);
  assert.equal(await printed('receive tale --group late --wait 0'), '');
  for (const delays of ['classic', '1000..60000', '{"firstMs":10,"delayMsMax":100,"jitter":0.5}']) {
    await printed(
      `groups create tale g-${delays.length} --retry-delays ${delays} --dead-letter-expired --mode key-ordered`,
    );
  }
  const refused = await mq('groups create tale wrong --retry-delays {"firstMs":10}');
  assert.equal(refused.exitCode, 2);
  assert.match(refused.stderr, /--retry-delays/);
});

test('the inside of a live topic: its segments, its marks, its groups, its youngest records', async () => {
  await printed('send live', 'a\nb\nc\n');
  await printed('receive live --max 1');
  const text = await printed('inspect live');
  assert.match(text, /^log live: .* bytes, flushed: always\n/);
  assert.match(text, /partition 0: offsets 0 to 3, readers see below 3, on the disk below 3; \d+ sync/);
  assert.match(text, /^base +next +batches .*\n +0 +3 +\d+ .* written to$/m);
  assert.match(text, /^default +queue +1 +1 +2 /m);
  assert.match(text, /^ +0 +acked +\S+ +1 +a\n +1 +ready /m);
  assert.equal(JSON.parse(await printed('inspect live --json')).kind, 'log');
  const gone = await mq('inspect no-such-topic');
  assert.match(gone.stderr, /MQ_UNKNOWN_TOPIC/);
});

test('the doctor and the suite take a TCP address', async () => {
  const doctor = await runCaptured(['doctor', '--target', server.doors.tcp?.url ?? '']);
  assert.match(doctor.stdout, /ok +server +mq:\/\/\S+ answers: .* durable .* push/);
  const tested = await runCaptured([
    'test',
    server.doors.tcp?.url ?? '',
    '4',
    '--only',
    'a message that was sent',
    '--json',
  ]);
  assert.equal(tested.exitCode, 0, tested.stdout);
  assert.deepEqual(
    JSON.parse(tested.stdout).map(
      (report: { failed: number; couldNotTest: number }) => report.failed + report.couldNotTest,
    ),
    [0, 0],
  );
});
