/**
 * The page about OpenWire keeps its word: the bytes of its example are sent, in order, to a fresh server, which must answer byte
 * for byte what the page shows; and its defaults are those of the server. Time stands still.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { test } from 'node:test';
import { VirtualClock } from '../shared/clock.ts';
import { createBroker } from '../stages/2-ring-buffer/index.ts';
import { createOpenWireServer } from '../stages/5-robust-broker/doors/openwire/server.ts';
import { checkOpenWireServerOptions } from '../stages/5-robust-broker/doors/openwire/server-options.ts';

const PAGE = readFileSync(new URL('protocol-openwire.md', import.meta.url), 'utf8');

interface Part {
  readonly isAnswer: boolean;
  readonly bytes: Buffer;
}

/** What is said and answered, in order. */
function example(): readonly Part[] {
  const [, block = ''] = /^```openwire\n([\s\S]*?)^```/m.exec(PAGE) ?? [];
  const said = block
    .replace(/^#.*\n/gm, '')
    .replaceAll('\n  ', ' ')
    .trimEnd()
    .split('\n');
  return said.map((line) => ({
    isAnswer: line.startsWith('<'),
    bytes: Buffer.from(line.slice(1).replaceAll(' ', ''), 'hex'),
  }));
}

test('the example of the page is answered byte for byte', async () => {
  const parts = example();
  assert.ok(parts.length > 20);
  await using broker = await createBroker({ clock: new VirtualClock() });
  await using server = await createOpenWireServer(broker, { clock: new VirtualClock() });
  const socket = connect({ host: '127.0.0.1', port: server.port });
  let came = Buffer.alloc(0);
  socket.on('data', (bytes: Buffer) => {
    came = Buffer.concat([came, bytes]);
  });
  try {
    for (const { isAnswer, bytes } of parts) {
      if (!isAnswer) {
        assert.equal(came.length, 0, `nothing more came than the page shows: ${came.toString('hex')}`);
        socket.write(bytes);
        continue;
      }
      while (came.length < bytes.length) await once(socket, 'data');
      assert.equal(came.subarray(0, bytes.length).toString('hex'), bytes.toString('hex'));
      came = came.subarray(bytes.length);
    }
  } finally {
    socket.destroy();
  }
});

test('the limits of the page are those of the server', () => {
  const checked = checkOpenWireServerOptions();
  const section = /^## Limits\n([\s\S]*?)^## /m.exec(PAGE)?.[1] ?? '';
  const rows = [...section.matchAll(/^\| (`.*?`) \| (.*?) \|/gm)];
  const shown = rows.flatMap(([, names = '', values = '']) => {
    const numbers = values.split(/, (?=\d+ )|(?<=\d), /).map(numberOf);
    return names.split(', ').map((name, index) => [name.replaceAll('`', ''), numbers[index]] as const);
  });
  assert.ok(shown.length > 12);
  for (const [name, value] of shown) assert.equal(Reflect.get(checked, name), value, name);
});

/** "30 s", "64 MiB", "16,384". */
function numberOf(text: string): number {
  const [digits = '', unit] = text.split(' ');
  const factor = unit === 's' ? 1000 : unit === 'MiB' ? 1024 ** 2 : 1;
  return Number(digits.replace(',', '')) * factor;
}
