import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { VirtualClock } from '../../../shared/clock.ts';
import { MqError } from '../../../shared/contract/errors.ts';
import { DoorLog } from './door-log.ts';
import { EventLog } from './event-log.ts';

function open(level: 'debug' | 'info' = 'info') {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk).replace(/^\S+ /, '').trimEnd());
      done();
    },
  });
  const clock = new VirtualClock();
  return { lines, clock, doors: new DoorLog(new EventLog({ clock, stream, level }), clock) };
}

test('connections have a line each', () => {
  const { doors, lines } = open();
  const http = doors.listenersOf('http');
  doors.listenersOf('tcp').onConnection({ isOpen: true, from: '::1', connectionCount: 1 });
  http.onConnection({ isOpen: true, from: '127.0.0.1', connectionCount: 1 });
  http.onConnection({ isOpen: false, from: '127.0.0.1', connectionCount: 0 });
  assert.deepEqual(lines, [
    'INFO  connected door=tcp from=::1 connectionCount=1',
    'INFO  connected door=http from=127.0.0.1 connectionCount=1',
    'INFO  disconnected door=http from=127.0.0.1 connectionCount=0',
  ]);
  doors.close();
});

test('whoever may not come in is told of, everyday refusals only at debug, and all are counted by their code', () => {
  const { doors, lines } = open();
  const { onRefused } = doors.listenersOf('http');
  onRefused(new MqError('MQ_UNAUTHORIZED', 'this server needs its token'), '10.0.0.1');
  onRefused(new MqError('MQ_UNKNOWN_TOPIC', 'there is no topic "x"'), '10.0.0.1');
  onRefused(new MqError('MQ_STORAGE_FULL', 'the disk is full'));
  assert.deepEqual(lines, [
    'WARN  refused code=MQ_UNAUTHORIZED door=http from=10.0.0.1 text="this server needs its token"',
    'ERROR refused code=MQ_STORAGE_FULL door=http text="the disk is full"',
  ]);
  const refusals = doors.moreMetrics().find(({ name }) => name === 'mq_door_refusals_count');
  assert.deepEqual(
    refusals?.series.map(({ labels, value }) => [labels.code, value]),
    [
      ['MQ_UNAUTHORIZED', 1],
      ['MQ_UNKNOWN_TOPIC', 1],
      ['MQ_STORAGE_FULL', 1],
    ],
  );
  doors.close();
});

test('a defect is told with where it was, and a process says how late its event loop is', async () => {
  const { doors, lines, clock } = open();
  doors.listenersOf('tcp').onDefect(new TypeError('undefined is not a function'));
  assert.match(
    lines[0] ?? '',
    /^ERROR defect door=tcp error=.*undefined is not a function.*stack=.*door-log\.test\.ts/,
  );
  await clock.pass(1000);
  const metrics = doors.moreMetrics();
  const delay = metrics.find(({ name }) => name === 'mq_event_loop_delay_seconds')?.series[0]?.value;
  assert.equal(typeof delay === 'object' && delay.count, 10);
  assert.ok(Number(metrics.find(({ name }) => name === 'mq_process_resident_bytes')?.series[0]?.value) > 1e6);
  doors.close();
  assert.equal(clock.timerCount, 0);
});
