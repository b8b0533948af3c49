import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { afterEach, test } from 'node:test';
import { assertRefused, assertWhole, brokerShown, tornParts } from './testing/frames.ts';
import { WatchedScreen, type WatchOptions } from './watched-screen.ts';

const CTRL_C = '\u0003';
const onWindows = { skip: process.platform === 'win32' && 'Windows has no SIGTERM' };
const ESCAPE = '\u001b';
const open: WatchedScreen[] = [];

function watch(options: Partial<WatchOptions> = {}): WatchedScreen {
  const screen = new WatchedScreen({ columns: 80, rows: 24, ...options });
  open.push(screen);
  return screen;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((screen) => screen.close()));
});

test('the first frame asks for a stage, Ctrl-C leaves with 130 and gives the terminal back', async () => {
  const screen = watch();
  await screen.until('Which one shall run?');
  assert.ok(screen.isOnAlternateScreen && !screen.isCursorShown);
  screen.press(CTRL_C);
  assert.equal(await screen.exitCode(), 130);
  assert.ok(!screen.isOnAlternateScreen && screen.isCursorShown);
});

test('stage 1 in 80 x 24: what a crashed consumer held is gone; every frame is whole', async () => {
  const screen = watch();
  await screen.until('Which one shall run?');
  screen.press('1');
  await screen.until('put ─▶');
  screen.press('b');
  await screen.until('p1 sends 10 at once');
  assertWhole(screen);
  await screen.until(/>c1 .*working/);
  screen.press('c');
  await screen.until(/c1 CRASHED holding #\d+/);
  // Five seconds of stepping instead of waiting.
  screen.press(' >>>>>');
  await screen.until(/#\d+ GONE: [45]\.\d s/);
  assertWhole(screen);
  screen.press('q');
  assert.equal(await screen.exitCode(), 0);
  assert.ok(!screen.isOnAlternateScreen && screen.isCursorShown);
});

test('stage 2 in 120 x 40: what a crashed consumer held comes back; freezing stops the clock, a step moves it', async () => {
  const screen = watch({ columns: 120, rows: 40 });
  await screen.until('Which one shall run?');
  screen.press('2');
  await screen.until(/ 0A .* 1/);
  screen.press('b');
  await screen.until(/>c1 .*working/);
  screen.press('c');
  await screen.until(/c1 CRASHED holding #\d+/);
  screen.press(' ');
  await screen.until(/FROZEN \d+\.\d s/);
  const frozen = /FROZEN (\d+\.\d) s/.exec(screen.text)?.[1];
  screen.press('>');
  await screen.until(() => /FROZEN (\d+\.\d) s/.exec(screen.text)?.[1] === (Number(frozen) + 1).toFixed(1));
  screen.press('>>>>');
  await screen.until(/#\d+ CAME BACK [34]\.\d s after c1 crashed/);
  assertWhole(screen);
  screen.press(' ');
  await screen.until(/running \d+/);
  assertWhole(screen);
});

test('stage 3 shows the last requests, one of them as curl; in Chinese nothing shifts', async () => {
  const screen = watch({ args: ['--lang', 'zh'] });
  await screen.until('运行哪一个');
  screen.press('3');
  await screen.until(/POST .*messages\S* +20\d +\S+s/);
  await screen.until(/POST .*deliveries\/ack/);
  assertWhole(screen);
  screen.press('u');
  await screen.until(/curl -i[\s\S]*http:\/\/127\.0\.0\.1:\d+\/topics\/orders\//);
  // The clipboard gets it too.
  await screen.until(() => screen.bytes.includes('\u001b]52;c;'));
  const [, number] = /第 (\d+) 个请求/.exec(screen.text) ?? [];
  screen.press('\u001b[A');
  await screen.until(`第 ${Number(number) - 1} 个请求`);
  screen.press(ESCAPE);
  await screen.until('发生了什么');
  screen.press('o');
  await screen.until('overflow：reject');
  assertWhole(screen);
  screen.press('?');
  await screen.until('按键说明');
  assertWhole(screen);
  screen.press('x');
  await screen.until('发生了什么');
  screen.press('l');
  await screen.until('what happened');
  assertWhole(screen);
});

test('a typed message goes through the queue, Chinese too', async () => {
  const screen = watch();
  await screen.until('Which one shall run?');
  screen.press('1');
  await screen.until('put ─▶');
  screen.press('ppp');
  screen.press('m');
  await screen.until('type a message for p1');
  screen.press('茶两杯');
  await screen.until('茶两杯');
  assertWhole(screen);
  screen.press('\r');
  await screen.until(/p1 sent #\d+/);
});

test('a terminal that changes its size is drawn anew, and a very small one is told so', async () => {
  const screen = watch({ columns: 120, rows: 40 });
  await screen.until('Which one shall run?');
  screen.press('2');
  await screen.until('what happened');
  for (const [columns, rows] of [
    [80, 24],
    [100, 30],
    [160, 50],
    [78, 22],
  ] as const) {
    screen.resize(columns, rows);
    await screen.until(() => screen.text.includes(' q quit') && tornParts(screen).length === 0);
  }
  screen.resize(40, 10);
  await screen.until('This terminal is 40 x 10.');
  screen.resize(80, 24);
  await screen.until(() => screen.lines[23]?.includes('quit') === true && tornParts(screen).length === 0);
});

test('without colour the letters say it all: no colour is set anywhere', async () => {
  const screen = watch({ env: { NO_COLOR: '1' } });
  await screen.until('Which one shall run?');
  screen.press('2');
  await screen.until(/ 0A /);
  // 30 to 49 and 90 to 107 are the colours of SGR.
  const colours = [...screen.bytes.matchAll(/\u001b\[([\d;]*)m/g)]
    .flatMap((match) => (match[1] ?? '').split(';'))
    .map(Number)
    .filter((code) => (code >= 30 && code < 50 && code !== 39 && code !== 49) || code >= 90);
  assert.deepEqual(colours, []);
});

test('being told to stop restores the terminal too', onWindows, async () => {
  const screen = watch();
  await screen.until('Which one shall run?');
  screen.press('2');
  await screen.until('what happened');
  screen.signal('SIGTERM');
  assert.equal(await screen.exitCode(), 143);
  assert.ok(!screen.isOnAlternateScreen && screen.isCursorShown);
});

test(
  'stage 4 in 80 x 24: a key kills the broker for real, another starts it, and all that was promised is there',
  onWindows,
  async () => {
    const screen = watch();
    await screen.until('Which one shall run?');
    screen.press('4');
    const first = await brokerShown(screen, 1);
    screen.press('b');
    await screen.until(/acknowledged so far: [1-9]\d/);
    assertWhole(screen);
    screen.press('k');
    await screen.until(`pid ${first.pid} IS DEAD`);
    await assertRefused(first.port);
    assertWhole(screen);
    screen.press('k');
    await screen.until(/after the kill: ([1-9]\d+) of \1 there/);
    const second = await brokerShown(screen, 2);
    assert.notEqual(second.pid, first.pid);
    await assertRefused(first.port);
    assertWhole(screen);
    screen.press('q');
    assert.equal(await screen.exitCode(), 0);
    await assertRefused(second.port);
  },
);

test(
  'stage 4 in 120 x 40, in Chinese: what fails is dead at last; being told to stop leaves no process, no folder',
  onWindows,
  async () => {
    const screen = watch({ columns: 120, rows: 40, args: ['--lang', 'zh'] });
    await screen.until('运行哪一个');
    screen.press('4');
    await screen.until(/>c1 .*#\d/);
    assertWhole(screen);
    screen.press('j');
    await screen.until(/成为死信|没有可归还/);
    screen.press('d');
    await screen.until(/延迟：1 p1-\d+ 还有/);
    assertWhole(screen);
    const [, port] = /mq:\/\/127\.0\.0\.1:(\d+)/.exec(screen.text) ?? [];
    const [folder = ''] = /\S*stagemq-screen-\w+/.exec(screen.text) ?? [];
    assert.ok(existsSync(folder), screen.text);
    screen.signal('SIGTERM');
    assert.equal(await screen.exitCode(), 143);
    await assertRefused(Number(port));
    assert.ok(!existsSync(folder));
  },
);

test('a screen that is killed itself takes its broker along', onWindows, async () => {
  const screen = watch({ columns: 120, rows: 40 });
  await screen.until('Which one shall run?');
  screen.press('4');
  const { port } = await brokerShown(screen, 1);
  const [folder = ''] = /\S*stagemq-screen-\w+/.exec(screen.text) ?? [];
  const socket = connect({ host: '127.0.0.1', port });
  await once(socket, 'connect');
  const closed = once(socket.on('error', () => undefined).resume(), 'close');
  await screen.close();
  // The system closes what a process had open once it has ended, and not before.
  await closed;
  await assertRefused(port);
  rmSync(folder, { recursive: true, force: true });
});

test('a defect of ours ends the screen, restores the terminal and only then prints the error', async () => {
  const program = `
    await import('ink');
    const { register } = await import('tsx/esm/api');
    register();
    const { runApp } = await import(${JSON.stringify(import.meta.resolve('./app.tsx'))});
    const openStage = () => new Promise(() => setImmediate(() => { throw new Error('a defect') }));
    await runApp({ language: 'en', stage: 1, openStage });`;
  const screen = watch({ nodeArgs: ['--input-type=module', '-e', program] });
  assert.equal(await screen.exitCode(), 1);
  assert.ok(!screen.isOnAlternateScreen && screen.isCursorShown);
  assert.ok(screen.bytes.lastIndexOf('Error: a defect') > screen.bytes.lastIndexOf('\u001b[?1049l'), screen.bytes);
});

test('without a terminal the screen says so and draws nothing', () => {
  const program = `
    const { startScreen } = await import(${JSON.stringify(import.meta.resolve('./start.ts'))});
    process.exit(await startScreen({ language: 'en' }));`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program]);
  assert.equal(status, 2);
  assert.equal(stdout.toString(), '');
  assert.match(stderr.toString(), /the screen needs a terminal/);
});
