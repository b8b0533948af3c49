import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from 'undici';
import { openDoor } from './testing/doors.ts';

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
