/** Stage 5 on the real screen: its broker is a process of its own, killed with what is open in it. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { afterEach, test } from 'node:test';
import { assertRefused, assertWhole, brokerShown } from './testing/frames.ts';
import { WatchedScreen, type WatchOptions } from './watched-screen.ts';

const CTRL_C = '\u0003';
const onWindows = { skip: process.platform === 'win32' && 'Windows has no kill -9' };
const open: WatchedScreen[] = [];

function watch(options: Partial<WatchOptions> = {}): WatchedScreen {
  const screen = new WatchedScreen({ columns: 80, rows: 24, ...options });
  open.push(screen);
  return screen;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((screen) => screen.close()));
});

test(
  'stage 5 in 80 x 24: a kill aborts the transaction that is open, and keeps all that was acknowledged',
  onWindows,
  async () => {
    const screen = watch();
    await screen.until('Which one shall run?');
    screen.press('5');
    const first = await brokerShown(screen, 1);
    await screen.until(/acknowledged so far: [1-9]/);
    screen.press('t');
    await screen.until(/open 1 {2}\S+ p1 open \d+\.\d s of 20: [1-9]/);
    await screen.until(/◇\d+ .*\n.* \d+U /);
    assertWhole(screen);
    screen.press('k');
    await screen.until(`pid ${first.pid} IS DEAD`);
    await assertRefused(first.port);
    assertWhole(screen);
    screen.press('k');
    await screen.until(/after the kill: ([1-9]\d*) of \1 there/);
    await screen.until(/open 0 /);
    await screen.until(/ \d+- .*\[A\]/);
    assertWhole(screen);
    screen.press('q');
    assert.equal(await screen.exitCode(), 0);
    assert.ok(!screen.isOnAlternateScreen && screen.isCursorShown);
  },
);

test(
  'stage 5 in 120 x 40, in Chinese: another producer answers for a dead one; Ctrl-C leaves no process, no folder',
  onWindows,
  async () => {
    const screen = watch({ columns: 120, rows: 40, args: ['--lang', 'zh'] });
    await screen.until('运行哪一个');
    screen.press('5');
    await screen.until(/>p1 /);
    screen.press('y');
    await screen.until(/半消息 1 {2}p1-\d+，组 “shop”：已问 0\/15/);
    assertWhole(screen);
    await screen.until(/的工作已完成/);
    screen.press('C');
    await screen.until(/>p1 +已死/);
    screen.press('rsD');
    await screen.until(/p2：半消息 p1-\d+ 提交，现在是 #\d+/);
    assertWhole(screen);
    screen.press('?');
    await screen.until('按键说明');
    assertWhole(screen);
    screen.press('l');
    await screen.until('keys');
    const [, port] = /mq:\/\/127\.0\.0\.1:(\d+)/.exec(screen.bytes) ?? [];
    const [folder = ''] = /\S*stagemq-screen-\w+/.exec(screen.bytes) ?? [];
    screen.press('x');
    await screen.until('what happened');
    assertWhole(screen);
    screen.press(CTRL_C);
    assert.equal(await screen.exitCode(), 130);
    assert.ok(!screen.isOnAlternateScreen && screen.isCursorShown);
    await assertRefused(Number(port));
    assert.ok(!existsSync(folder));
  },
);

test('stage 5 shows clients of other protocols while they are there, in 80 x 24', onWindows, async () => {
  const screen = watch();
  await screen.until('Which one shall run?');
  screen.press('5');
  await screen.until(/acknowledged so far: [1-9]/);
  await screen.until('P: 0 clients');
  screen.press('P');
  const stomp = /STOMP +stomp:\/\/127\.0\.0\.1:(\d+) +0 connected/;
  await screen.until(stomp);
  await screen.until(/MQTT +mqtt:\/\/127[\s\S]*OpenWire +tcp:\/\/127/);
  assertWhole(screen);
  const [, port] = stomp.exec(screen.text) ?? [];
  const client = connect(Number(port), '127.0.0.1');
  client.write('CONNECT\naccept-version:1.2\nhost:/\nclient-id:shop\n\n\0');
  client.write('SUBSCRIBE\nid:1\ndestination:/queue/orders\nack:client\nprefetch-count:3\n\n\0');
  await screen.until(/stomp shop 127\.0\.0\.1:\d+ .*\n.*\/queue\/orders: group default, holds 3 of 3/);
  await screen.until(/STOMP .* 1 connected, subscriptions: 1/);
  assertWhole(screen);
  client.destroy();
  await screen.until(/STOMP .* 0 connected, subscriptions: 0/);
  screen.press('x');
  await screen.until(/what happened[\s\S]*stomp shop went/);
  assertWhole(screen);
  screen.press('q');
  assert.equal(await screen.exitCode(), 0);
});
