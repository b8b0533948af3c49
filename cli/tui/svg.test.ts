import assert from 'node:assert/strict';
import { test } from 'node:test';
import xterm from '@xterm/headless';
import { svgOf } from './svg.ts';

async function pictureOf(bytes: string): Promise<string> {
  const terminal = new xterm.Terminal({ cols: 20, rows: 3, allowProposedApi: true });
  await new Promise<void>((resolve) => terminal.write(bytes, resolve));
  const svg = svgOf(terminal, 'a <picture>');
  terminal.dispose();
  return svg;
}

test('text keeps its colour, weight and place, and what looks alike is one piece', async () => {
  const svg = await pictureOf('ab\u001b[1;32mgood\u001b[0m');
  assert.match(svg, /<text x="12" y="25" textLength="16.8" [^>]*>ab<\/text>/);
  assert.match(svg, /<text x="28.8" [^>]*fill="#98c379" font-weight="bold">good<\/text>/);
});

test('a background is a box, inverse changes the two, a Chinese character has two columns', async () => {
  assert.match(
    await pictureOf('\u001b[46m 队 \u001b[0m'),
    /<rect x="20.4" y="12" width="16.8" height="18" fill="#56b6c2"/,
  );
  assert.match(await pictureOf('\u001b[7mx\u001b[0m'), /<rect [^>]*fill="#d8dee9"[\s\S]*<text [^>]*fill="#1e222a"/);
});

test('frames are lines that meet, bars are boxes, and neither needs a font', async () => {
  const svg = await pictureOf('┌─┐\r\n│▄│\r\n└─┘');
  assert.equal(svg.match(/stroke=/g)?.length, 4);
  assert.match(svg, /<path d="M20.4 46v-7h7.4v7z" fill=/);
  assert.ok(!svg.includes('<text'));
});

test('nothing on the screen can end the picture early', async () => {
  const svg = await pictureOf('a<b>&c');
  assert.ok(svg.includes('a&lt;b&gt;&amp;c') && svg.includes('<title>a\u00a0&lt;picture&gt;</title>'));
});
