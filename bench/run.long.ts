/**
 * A whole bench, quickly: everything is measured, every message is accounted for, every bar has a verdict. Whether a bar
 * is met depends on the machine and is no matter of a test.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createServer } from '../stages/3-http-server/index.ts';
import { createTcpServer } from '../stages/4-persisted-log/doors/tcp/server.ts';
import { FIGURE_BARS } from './bars.ts';
import { PROTOCOL_BARS } from './protocol-doors/protocol-bars.ts';
import { ROUNDS_COUNT_MIN } from './race.ts';
import { printReport, runBench } from './run.ts';
import { createLog, createStage } from './targets.ts';

test('a quick bench of all stages loses nothing, delivers nothing twice, and judges every bar', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stagemq-bench-'));
  try {
    const report = await runBench({ targets: ['1', '2', '3', '4', '5'], isQuick: true, outputFolder: folder });
    assert.deepEqual(
      report.tables.map(({ name }) => name),
      ['in-process', 'http-door', 'tcp-door'],
    );
    for (const { title, rows } of report.tables.flatMap(({ scenarios }) => scenarios)) {
      for (const { contestant, role, counts, messagesPerSecond } of rows) {
        const what = `${title}: ${contestant}`;
        assert.ok(messagesPerSecond.runs.length >= ROUNDS_COUNT_MIN && messagesPerSecond.min > 0, what);
        const { lost, duplicate, unanswered, unknown } = counts;
        assert.deepEqual(
          { lost, duplicate, unanswered, unknown },
          { lost: 0, duplicate: 0, unanswered: 0, unknown: 0 },
          what,
        );
        if (role !== 'floor') assert.equal(counts.received, counts.sent, what);
      }
    }
    const unmeasured = report.bars.filter(({ verdict }) => verdict === 'not measured').map(({ name }) => name);
    const others = PROTOCOL_BARS.map(({ name }) => name);
    assert.deepEqual(
      unmeasured,
      ['append-filled-tenfold', ...others],
      'only a long bench, and one beside other brokers',
    );
    assert.equal(report.figures.length, Object.keys(FIGURE_BARS).length);
    for (const { name, counts } of report.figures) {
      assert.deepEqual([counts.received, counts.lost, counts.duplicate], [counts.sent, 0, 0], name);
    }
    assert.equal(report.waiters?.lostCount, 0);
    assert.equal(report.waiters?.waiterCountAfter, 0);
    assert.match(printReport(report), /== Bars ==/);
    assert.equal((await readdir(folder)).length, 2);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a server that is only a url is measured beside the floor, and left as it was found', async () => {
  const broker = await createStage(2);
  const server = await createServer(broker);
  try {
    const report = await runBench({ targets: [server.url], isQuick: true });
    const rows = report.tables.flatMap(({ scenarios }) => scenarios.flatMap(({ rows }) => rows));
    const own = rows.filter(({ contestant }) => contestant === server.url);
    assert.ok(own.length >= 5);
    assert.ok(own.every(({ counts }) => counts.lost === 0 && counts.duplicate === 0));
    assert.equal(report.waiters, null);
    assert.deepEqual(await broker.describeTopics(), []);
  } finally {
    await server.close({ timeoutMs: 1000 });
    await broker.close();
  }
});

test('a TCP server that is only a url is measured beside the floors, and left as it was found', async () => {
  const broker = await createLog({ flushPolicy: 'never' });
  const server = await createTcpServer(broker);
  try {
    const report = await runBench({ targets: [server.url], isQuick: true });
    const rows = report.tables.flatMap(({ scenarios }) => scenarios.flatMap(({ rows }) => rows));
    const own = rows.filter(({ contestant }) => contestant.startsWith(server.url));
    assert.equal(own.length, 5, 'as a broker, and four ways end to end');
    assert.ok(own.every(({ counts }) => counts.lost === 0 && counts.duplicate === 0));
    assert.deepEqual(await broker.describeTopics(), []);
  } finally {
    await server.close({ timeoutMs: 1000 });
    await broker.close();
  }
});
