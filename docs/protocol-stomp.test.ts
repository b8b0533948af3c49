/**
 * The page about STOMP keeps its word: every example is sent, in order, to a fresh server, which must answer what the page
 * shows, header by header; every header, limit and code that the page names is there.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isErrorCode } from '../shared/contract/errors.ts';
import { checkStompServerOptions } from '../stages/5-robust-broker/doors/stomp/server-options.ts';
import { openRobustDoor } from '../stages/5-robust-broker/doors/stomp/testing/doors.ts';
import { Peer, type Said } from '../stages/5-robust-broker/doors/stomp/testing/peer.ts';

const PAGE = readFileSync(new URL('protocol-stomp.md', import.meta.url), 'utf8');
const ANY = '…';
const UNITS: Readonly<Record<string, number>> = { s: 1000, KiB: 1024, MiB: 1024 ** 2 };

/** A frame of an example, or a new connection. */
interface Line {
  readonly kind: string;
  readonly text: string;
}

const frames: readonly Line[] = [...PAGE.matchAll(/^```stomp\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) =>
  framesOf(block.trimEnd().split('\n')),
);

/** Lines of one side belong together until its frame ends. */
function framesOf(lines: readonly string[]): Line[] {
  const found: Line[] = [];
  let text = '';
  for (const line of lines) {
    const kind = line[0] ?? '';
    text += line.slice(2);
    const isWhole = kind === '=' || line.endsWith('^@') || line === `< ${ANY}`;
    if (isWhole) {
      found.push({ kind, text });
      text = '';
    } else text += '\n';
  }
  assert.equal(text, '', 'every frame of an example ends');
  return found;
}

test('the page has examples of every command', () => {
  const shown = new Set(frames.map(({ text }) => text.split('\n')[0]));
  for (const command of [
    'CONNECT',
    'SEND',
    'SUBSCRIBE',
    'ACK',
    'NACK',
    'BEGIN',
    'COMMIT',
    'MESSAGE',
    'RECEIPT',
    'ERROR',
  ]) {
    assert.ok(shown.has(command), command);
  }
});

test('every example of the page is answered as it shows', async () => {
  await using door = await openRobustDoor();
  let peer = new Peer(door.port);
  for (const { kind, text } of frames) {
    if (kind === '>') peer.says(text);
    else if (kind === '<') assert.deepEqual(masked(await peer.hears(), text), said(text), text);
    else {
      peer.destroy();
      peer = new Peer(door.port);
    }
  }
  peer.destroy();
});

test('the page lists every limit with its default, and only codes that there are', () => {
  const limits = [...PAGE.matchAll(/^\| `(\w+)` +\| ([\d,]+)(?: (s|KiB|MiB))? +\|/gm)].map(
    ([, name = '', digits = '', unit = '']) => [name, Number(digits.replaceAll(',', '')) * (UNITS[unit] ?? 1)] as const,
  );
  const options = Object.entries(checkStompServerOptions()).filter(
    ([, value]) => typeof value === 'number' && value > 0,
  );
  assert.deepEqual(Object.fromEntries(limits), Object.fromEntries(options));
  for (const [, code = ''] of PAGE.matchAll(/`(MQ_[A-Z_]+)`/g)) assert.ok(isErrorCode(code), code);
});

/** A frame of the page. */
function said(text: string): Said {
  const [head = '', ...rest] = text.split('\n\n');
  const [command = '', ...lines] = head.split('\n');
  const headers = Object.fromEntries(lines.map((line) => line.split(/:(.*)/s).slice(0, 2)));
  return { command, headers, body: rest.join('\n\n').replace('^@', '') };
}

/** What came, with what the page does not show as the page has it. */
function masked(frame: Said, text: string): Said {
  const shown = said(text);
  const mask = (value: string, pattern: string | undefined): string => (pattern === ANY ? ANY : value);
  const headers = Object.entries(frame.headers).map(([name, value]) => [name, mask(value, shown.headers[name])]);
  return { ...frame, headers: Object.fromEntries(headers), body: mask(frame.body, shown.body) };
}
