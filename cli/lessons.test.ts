/** `mq stage`, `mq limit` and `mq doctor`, run in this process on the real stages. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STAGES } from './target-name.ts';
import { runCaptured } from './testing/captured-terminal.ts';

test('the story of a stage is the same every time, in either language, as text or as JSON', async () => {
  for (const stage of STAGES.map(String)) {
    const first = await runCaptured(['stage', stage]);
    assert.equal(first.exitCode, 0, first.stderr);
    assert.ok(first.stdout.split('\n').length > 10, `stage ${stage} has a story`);
    assert.equal((await runCaptured(['stage', stage])).stdout, first.stdout);
    const chinese = await runCaptured(['stage', stage], { env: { LANG: 'zh_CN.UTF-8' } });
    assert.match(chinese.stdout, /\p{Script=Han}/u);
    for (const line of [`stage ${stage} --lang zh`, `--lang zh stage ${stage}`]) {
      assert.equal((await runCaptured(line.split(' '))).stdout, chinese.stdout, line);
    }
    const { lines } = JSON.parse((await runCaptured(['stage', stage, '--json'])).stdout);
    assert.equal(lines[0].kind, 'title');
  }
});

test('colour is for a terminal, and NO_COLOR takes it away', async () => {
  const colour = /\x1b\[/;
  assert.match((await runCaptured(['stage', '1'], { isTty: true })).stdout, colour);
  assert.doesNotMatch((await runCaptured(['stage', '1'], { isTty: true, env: { NO_COLOR: '1' } })).stdout, colour);
  assert.doesNotMatch((await runCaptured(['stage', '1'])).stdout, colour);
});

test('every limit of every stage shows, and says what the next stage does about it', async () => {
  for (const stage of STAGES.map(String)) {
    const ran = await runCaptured(['limit', stage, '--json']);
    assert.equal(ran.exitCode, 0, ran.stderr);
    const reports = JSON.parse(ran.stdout);
    assert.ok(reports.length > 0);
    for (const report of reports) assert.ok(report.isShown && report.next.en && report.next.zh, report.claim.en);
    const text = await runCaptured(['limit', stage, '--lang', 'zh']);
    for (const report of reports) assert.ok(text.stdout.includes(report.claim.zh));
    assert.doesNotMatch(text.stdout, /\p{Script=Han}[:;,?!]/u, 'no ASCII punctuation behind a Chinese character');
  }
});

test('the doctor finds this Node good enough, and a server that does not run no illness', async () => {
  const ran = await runCaptured(['doctor', '--json', '--target', 'http://127.0.0.1:1']);
  assert.equal(ran.exitCode, 0);
  const findings: { verdict: string; what: string; found: string; advice?: string }[] = JSON.parse(ran.stdout);
  const finding = (what: string) => findings.find((candidate) => candidate.what === what);
  assert.equal(finding('node')?.verdict, 'ok');
  assert.equal(finding('screen')?.verdict, 'note');
  assert.equal(finding('server')?.verdict, 'note');
  assert.match(finding('server')?.advice ?? '', /^start a server with: mq serve 3/);
  assert.match((await runCaptured(['doctor', '--target', 'http://127.0.0.1:1'])).stdout, /^ok +node /);
});
