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
