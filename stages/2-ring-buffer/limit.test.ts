import assert from 'node:assert/strict';
import { test } from 'node:test';
import { showLimits } from './limit.ts';

test('a second process that opens this stage finds neither the topic nor the message of the first', async () => {
  const [report, ...others] = await showLimits();
  assert.ok(report !== undefined && others.length === 0);
  assert.equal(report.stage, 2);
  assert.equal(report.isShown, true);
  const [sent, opened, received, own] = report.steps.map((step) => step.en);
  assert.match(sent ?? '', new RegExp(`^Process ${process.pid} sends`));
  assert.match(opened ?? '', /sees 0 topics/);
  assert.match(received ?? '', /gets 0 messages/);
  assert.match(own ?? '', /gets 1:/);
  assert.doesNotMatch(opened ?? '', new RegExp(`Process ${process.pid} `));
});

test('every step and claim is told in both languages', async () => {
  const [report] = await showLimits();
  assert.ok(report !== undefined);
  for (const text of [report.claim, report.next, ...report.steps]) {
    assert.ok(text.en.length > 0);
    assert.match(text.zh, /\p{Script=Han}/u);
  }
});
