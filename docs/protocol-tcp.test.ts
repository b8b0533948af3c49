/**
 * The protocol page keeps its word: every byte of its examples is sent, in order, to a fresh server, which must answer byte
 * for byte what the page shows. Time stands still and chance has a seed, so that also tokens and times are the page's. The
 * connections to a broker with transactions lead to one that answers what it is told to, so that its ids are the page's too.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { VirtualClock } from '../shared/clock.ts';
import type { Receipt } from '../shared/contract/message.ts';
import { SeededRandom } from '../shared/random.ts';
import { createBroker } from '../stages/2-ring-buffer/index.ts';
import { scriptedBroker } from '../stages/3-http-server/testing/scripted-broker.ts';
import { CALLABLE } from '../stages/4-persisted-log/doors/tcp/calls.ts';
import { FRAME } from '../stages/4-persisted-log/doors/tcp/frame.ts';
import { DOOR_LIMITS } from '../stages/4-persisted-log/doors/tcp/handshake.ts';
import { createTcpServer } from '../stages/4-persisted-log/doors/tcp/server.ts';
import { checkTcpServerOptions } from '../stages/4-persisted-log/doors/tcp/server-options.ts';

const PAGE = readFileSync(new URL('protocol-tcp.md', import.meta.url), 'utf8');
const SEED = 4;

/** A line of an example: `>` bytes to send, `<` bytes to come, `=` a new connection. */
interface Line {
  readonly kind: string;
  readonly parts: readonly Part[];
  readonly text: string;
}

/** Bytes; or any byte; or whatever is left of the frame. */
type Part = Uint8Array | 'any' | 'rest';

const lines: readonly Line[] = [...PAGE.matchAll(/^```tcp\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) =>
  block.trimEnd().split('\n').map(lineOf),
);

test('the page has examples of every frame that says something', () => {
  assert.ok(lines.length > 100);
  const heads = lines.flatMap(({ text }) => /^[<>] (?:(?:[0-9a-f?]{2}) ){4}([0-9a-f]{2})/.exec(text)?.[1] ?? []);
  const shown = new Set(heads.map((type) => Number.parseInt(type, 16)));
  const { heartbeat, ended, pushFrom, ...others } = FRAME;
  assert.deepEqual(
    Object.entries(others).filter(([, type]) => !shown.has(type)),
    [],
    'frames without an example',
  );
});

test('every example of the page is answered byte for byte', async () => {
  const clock = new VirtualClock();
  await using broker = await createBroker({ clock, random: new SeededRandom(SEED) });
  await using server = await createTcpServer(broker);
  const sent: Receipt = { topic: 'orders', partition: 0, offset: 4, id: 't-4', durability: 'memory' };
  const { broker: transactional } = scriptedBroker({ begin: '7-0', 'transaction.send': sent });
  await using other = await createTcpServer(transactional);
  let talk = new Talk(server.port);
  try {
    for (const line of lines) {
      if (line.kind === '>') talk.send(line);
      else if (line.kind === '<') await talk.expect(line);
      else {
        talk.end();
        talk = new Talk(line.text.includes('transactions') ? other.port : server.port);
      }
    }
  } finally {
    talk.end();
  }
});

test('the page lists every frame with its number, every operation that can be called, and every limit with its default', () => {
  const rows = [...PAGE.matchAll(/^\| `0x([0-9a-f]{2})` \| `([a-zA-Z]+)` +\|/gm)];
  const listed = Object.fromEntries(rows.map(([, type = '', name = '']) => [name, Number.parseInt(type, 16)]));
  assert.deepEqual(listed, { ...FRAME });
  const operations = /^Operations: ([\s\S]*?);/m.exec(PAGE)?.[1] ?? '';
  assert.deepEqual(
    [...operations.matchAll(/`(\w+)`/g)].map(([, name]) => name),
    [...CALLABLE],
  );
  const limits = [...PAGE.matchAll(/^\| `(\w+)` +\| ([\d,]+)( MiB| s)? +\|/gm)].map(
    ([, name = '', digits = '', unit]) => {
      const factor = unit === ' MiB' ? 1024 * 1024 : unit === ' s' ? 1000 : 1;
      return [name, Number(digits.replaceAll(',', '')) * factor] as const;
    },
  );
  const options = checkTcpServerOptions() as unknown as Record<string, unknown>;
  assert.deepEqual(Object.fromEntries(limits), Object.fromEntries(limits.map(([name]) => [name, options[name]])));
  assert.ok(Object.keys(DOOR_LIMITS).every((name) => limits.some(([listedName]) => listedName === name)));
});

function lineOf(text: string): Line {
  const [code = ''] = text.slice(2).split(/\s{2,}/);
  const words = [...code.matchAll(/"(.*?)"(?= |$)|\S+/g)];
  const parts = words.map(([word, quoted]): Part => {
    if (quoted !== undefined) return Buffer.from(quoted);
    if (word === '??') return 'any';
    if (word === '…') return 'rest';
    return Buffer.from(word, 'hex');
  });
  return { kind: text[0] ?? '', parts: text.startsWith('=') ? [] : parts, text };
}

/** One connection, on which bytes are awaited. */
class Talk {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  /** Of the frame that is being read: how many of its bytes were, and its length once that is known. */
  #frameAt = 0;
  #frameBytes = Number.POSITIVE_INFINITY;
  readonly #frameHead: number[] = [];
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

  send({ parts }: Line): void {
    this.#socket.write(Buffer.concat(parts.filter((part) => part instanceof Uint8Array)));
  }

  async expect({ parts, text }: Line): Promise<void> {
    for (const part of parts) {
      if (part === 'any') await this.#take(1);
      else if (part === 'rest') await this.#take(this.#frameBytes - this.#frameAt);
      else {
        const got = await this.#take(part.length);
        assert.equal(shown(got), shown(part), text);
      }
    }
  }

  end(): void {
    this.#socket.destroy();
  }

  async #take(count: number): Promise<Buffer> {
    while (this.#received.length < count) {
      assert.ok(!this.#isOver, 'the connection ended before the page says so');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const bytes = this.#received.subarray(0, count);
    this.#received = this.#received.subarray(count);
    for (const byte of bytes) this.#note(byte);
    return bytes;
  }

  #note(byte: number): void {
    if (this.#frameAt < 4) this.#frameHead[this.#frameAt] = byte;
    this.#frameAt += 1;
    if (this.#frameAt === 4) this.#frameBytes = 4 + Buffer.from(this.#frameHead).readUInt32BE();
    if (this.#frameAt < this.#frameBytes) return;
    this.#frameAt = 0;
    this.#frameBytes = Number.POSITIVE_INFINITY;
  }
}

/** Hexadecimal, with the text beside it. */
function shown(part: Uint8Array): string {
  const bytes = Buffer.from(part);
  return `${bytes.toString('hex')} ${JSON.stringify(bytes.toString('latin1'))}`;
}
