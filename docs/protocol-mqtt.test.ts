/** The page about MQTT keeps its word: every byte of its examples is sent to a fresh server, which answers what the page shows. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { VirtualClock } from '../shared/clock.ts';
import { SeededRandom } from '../shared/random.ts';
import { createBroker } from '../stages/2-ring-buffer/index.ts';
import { createMqttServer } from '../stages/5-robust-broker/doors/mqtt/server.ts';
import { checkMqttServerOptions } from '../stages/5-robust-broker/doors/mqtt/server-options.ts';

const PAGE = readFileSync(new URL('protocol-mqtt.md', import.meta.url), 'utf8');

const lines = [...PAGE.matchAll(/^```mqtt\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) => block.trimEnd().split('\n'));

test('every example of the page is answered byte for byte', async () => {
  assert.ok(lines.length > 40);
  const clock = new VirtualClock();
  await using broker = await createBroker({ clock, random: new SeededRandom(1) });
  await using server = await createMqttServer(broker, { clock, random: new SeededRandom(2) });
  let talk = new Talk(server.port);
  for (const line of lines) {
    if (line.startsWith('=')) {
      talk.end();
      talk = new Talk(server.port);
    } else if (line.startsWith('>')) talk.send(bytesOf(line));
    else assert.equal(shown(await talk.take(bytesOf(line).length)), shown(bytesOf(line)), line);
  }
  talk.end();
});

test('the page lists every limit of the door with its default', () => {
  const rows = [...PAGE.matchAll(/^\| `(\w+)` +\| ([\d.,]+)( MiB| s)? +\|/gm)];
  const options = checkMqttServerOptions() as unknown as Record<string, unknown>;
  for (const [, name = '', digits = '', unit] of rows) {
    const factor = unit === ' MiB' ? 1024 * 1024 : unit === ' s' ? 1000 : 1;
    assert.equal(Number(digits.replaceAll(',', '')) * factor, options[name], name);
  }
  const numbers = Object.keys(options).filter((name) => typeof options[name] === 'number' && name !== 'port');
  assert.deepEqual(rows.map(([, name]) => name).sort(), numbers.sort());
});

function bytesOf(line: string): Buffer {
  const [code = ''] = line.slice(2).split(/\s{2,}(?=[^"]*$|[^"]*"[^"]*"[^"]*$)/);
  const words = [...code.matchAll(/"(.*?)"(?= |$)|\S+/g)];
  return Buffer.concat(
    words.map(([word, quoted]) => (quoted === undefined ? Buffer.from(word, 'hex') : Buffer.from(quoted))),
  );
}

const shown = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString('latin1')
    .replace(/[^ -~]/g, (byte) => `<${byte.charCodeAt(0).toString(16)}>`);

/** One connection, on which bytes are awaited. */
class Talk {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #isOver = false;
  #wake: () => void = () => undefined;

  constructor(port: number) {
    this.#socket = connect({ host: '127.0.0.1', port });
    this.#socket.on('data', (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#wake();
    });
    this.#socket.on('close', () => {
      this.#isOver = true;
      this.#wake();
    });
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  async take(count: number): Promise<Buffer> {
    while (this.#received.length < count && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const taken = this.#received.subarray(0, count);
    this.#received = this.#received.subarray(count);
    return taken;
  }

  end(): void {
    this.#socket.destroy();
  }
}
