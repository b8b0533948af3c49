import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from 'undici';
import { createServer } from './index.ts';
import { openDoor } from './testing/doors.ts';
import { scriptedBroker } from './testing/scripted-broker.ts';

test('the metrics are the numbers of describeTopics', async () => {
  await using door = await openDoor();
  await door.broker.sendBatch('tea "and"\\more', [{ body: 'a' }, { body: 'b' }, { body: 'c' }]);
  await door.broker.receive('tea "and"\\more', { group: 'g', max: 2 });
  const [topic] = await door.broker.describeTopics();
  const answer = await request(`${door.url}/metrics`);
  assert.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  const text = await answer.body.text();
  const name = 'tea \\"and\\"\\\\more';
  assert.ok(text.includes(`mq_topic_available_count{topic="${name}"} ${topic?.availableCount}\n`));
  assert.ok(text.includes(`mq_topic_log_end_offset{topic="${name}"} 3\n`));
  assert.ok(text.includes(`mq_group_in_flight_count{topic="${name}",group="g"} ${topic?.groups[0]?.inFlightCount}\n`));
  assert.ok(text.includes(`mq_topic_bytes{topic="${name}"} ${topic?.bytes}\n`));
});

test('a scrape has one line a series, whatever topics and groups are called, and tells counters from gauges', async () => {
  await using door = await openDoor();
  // Two pairs whose labels are the same text when they are joined by "," and ":".
  for (const [topic, group, count] of [
    ['y', 'g,topic:x', 1],
    ['x,topic:y', 'g', 5],
    ['q"uo\\te{}=', 'g', 2],
  ] as const) {
    await door.broker.createTopic(topic);
    await door.broker.createGroup(topic, group, {});
    for (let index = 0; index < count; index += 1) await door.broker.send(topic, { body: 'a' });
  }
  const text = await (await request(`${door.url}/metrics`)).body.text();
  assert.deepEqual(
    text
      .split('\n')
      .filter((line) => line.startsWith('mq_group_lag{'))
      .toSorted(),
    [
      'mq_group_lag{topic="q\\"uo\\\\te{}=",group="g"} 2',
      'mq_group_lag{topic="x,topic:y",group="g"} 5',
      'mq_group_lag{topic="y",group="g,topic:x"} 1',
    ],
  );
  for (const line of [
    '# TYPE mq_group_lag gauge',
    '# TYPE mq_topic_redelivered_count counter',
    '# TYPE mq_topic_log_end_offset counter',
    '# TYPE mq_http_connections_refused counter',
    '# HELP mq_group_lag records not finished',
  ]) {
    assert.equal(text.split('\n').filter((found) => found === line).length, 1, line);
  }
  for (const line of text.trimEnd().split('\n')) {
    assert.match(line, /^(# (HELP|TYPE) \w+ .+|\w+(\{(\w+="([^"\\\n]|\\["\\n])*",?)*\})? \d+)$/);
  }
});

test('what is paused and how many partitions there are is told too, and the dead are counted for ever', async () => {
  await using ring = await openDoor();
  await ring.broker.createTopic('t');
  await ring.broker.createGroup('t', 'g');
  const [plain] = await ring.broker.describeTopics();
  assert.ok(plain?.groups[0] !== undefined);
  const [group] = plain.groups;
  const topics = [
    plain,
    { ...plain, topic: 'u', partitionCount: 4, isPaused: true, groups: [{ ...group, isPaused: true, deadCount: 7 }] },
  ];
  await using server = await createServer(scriptedBroker({ describeTopics: topics }).broker);
  const lines = (await (await request(`${server.url}/metrics`)).body.text()).split('\n');
  for (const line of [
    'mq_topic_partitions{topic="t"} 1',
    'mq_topic_partitions{topic="u"} 4',
    'mq_topic_paused{topic="t"} 0',
    'mq_topic_paused{topic="u"} 1',
    'mq_group_paused{topic="t",group="g"} 0',
    'mq_group_paused{topic="u",group="g"} 1',
    'mq_group_dead_count{topic="u",group="g"} 7',
    '# TYPE mq_group_dead_count counter',
    '# TYPE mq_group_paused gauge',
  ]) {
    assert.ok(lines.includes(line), line);
  }
});

test('topics and groups beyond the bound are summed under a name nobody can give', async () => {
  await using door = await openDoor({ metricsTopicsMax: 2 });
  for (const [topic, count] of [
    ['a', 1],
    ['b', 2],
    ['c', 3],
    ['d', 4],
  ] as const) {
    await door.broker.createTopic(topic);
    await door.broker.createGroup(topic, 'g', {});
    await door.broker.sendBatch(
      topic,
      Array.from({ length: count }, () => ({ body: 'x' })),
    );
  }
  const text = await (await request(`${door.url}/metrics`)).body.text();
  const linesOf = (name: string): readonly string[] => text.split('\n').filter((line) => line.startsWith(`${name}{`));
  assert.deepEqual(linesOf('mq_topic_log_end_offset'), [
    'mq_topic_log_end_offset{topic="a"} 1',
    'mq_topic_log_end_offset{topic="b"} 2',
    'mq_topic_log_end_offset{topic="$other"} 7',
  ]);
  assert.deepEqual(linesOf('mq_group_lag'), [
    'mq_group_lag{topic="a",group="g"} 1',
    'mq_group_lag{topic="b",group="g"} 2',
    'mq_group_lag{topic="$other",group="$other"} 7',
  ]);
});

test('what the broker and its owner tell besides is written too, histograms with their sum and count', async () => {
  const histogram = {
    buckets: [
      { atMost: 0.001, count: 2 },
      { atMost: 1, count: 3 },
    ],
    sum: 61.5,
    count: 4,
  };
  const { broker } = scriptedBroker({ describeTopics: [] });
  const metric = { name: 'mq_sync_seconds', kind: 'histogram', help: 'a\\b\nc' } as const;
  broker.metrics = () => [{ ...metric, series: [{ labels: { why: '"\n\\' }, value: histogram }] }];
  const moreMetrics = () => [
    {
      name: 'mq_more',
      kind: 'gauge',
      help: 'more',
      series: [{ labels: {}, value: Number.POSITIVE_INFINITY }],
    } as const,
  ];
  await using server = await createServer(broker, { moreMetrics });
  const lines = (await (await request(`${server.url}/metrics`)).body.text()).split('\n');
  const from = lines.indexOf('# HELP mq_sync_seconds a\\\\b\\nc');
  assert.deepEqual(lines.slice(from + 1, from + 10), [
    '# TYPE mq_sync_seconds histogram',
    'mq_sync_seconds_bucket{why="\\"\\n\\\\",le="0.001"} 2',
    'mq_sync_seconds_bucket{why="\\"\\n\\\\",le="1"} 3',
    'mq_sync_seconds_bucket{why="\\"\\n\\\\",le="+Inf"} 4',
    'mq_sync_seconds_sum{why="\\"\\n\\\\"} 61.5',
    'mq_sync_seconds_count{why="\\"\\n\\\\"} 4',
    '# HELP mq_more more',
    '# TYPE mq_more gauge',
    'mq_more +Inf',
  ]);
});

test('/readyz says whether the broker takes messages, and why not, without a token', async () => {
  const { broker } = scriptedBroker({});
  await using server = await createServer(broker, { token: 'secret' });
  const asked = async (): Promise<unknown> => {
    const { statusCode, body } = await request(`${server.url}/readyz`);
    return [statusCode, await body.json()];
  };
  assert.deepEqual(await asked(), [200, { status: 'ready', findings: [] }], 'one that cannot say');
  const findings = [{ code: 'disk-full', text: 'the disk has 1 MB free', isBlocking: true }] as const;
  broker.health = () => ({ isReady: false, findings });
  assert.deepEqual(await asked(), [503, { status: 'not-ready', findings }]);
  broker.health = () => ({ isReady: true, findings: [] });
  assert.deepEqual(await asked(), [200, { status: 'ready', findings: [] }]);
});
