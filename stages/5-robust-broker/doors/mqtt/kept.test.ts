/** What stays when its packet has gone, and how much memory that takes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../../shared/clock.ts';
import { decode } from './decode.ts';
import { Retained } from './retained.ts';
import { openStore } from './store.ts';
import { bytesOf } from './testing/open-door.ts';
import { parseFilter } from './topics.ts';

/** As it comes from a socket: with much else in the same piece of memory. */
function inLargerPiece(bytes: Uint8Array): Buffer {
  const piece = Buffer.alloc(64 * 1024);
  piece.set(bytes, 1000);
  return piece.subarray(1000, 1000 + bytes.length);
}

function assertAlone(bytes: Uint8Array | undefined, text: string): void {
  assert.equal(Buffer.from(bytes ?? []).toString(), text);
  assert.equal(bytes?.buffer.byteLength, text.length, 'nothing else is kept with it');
}

test('of a retained message its own bytes are kept, and nothing that came with them', () => {
  const retained = new Retained({
    ...{ store: openStore(undefined), clock: new VirtualClock(), retainedCountMax: 10, retainedBytesMax: 10_000 },
  });
  const properties = { correlationData: inLargerPiece(Buffer.from('which')), contentType: 't' };
  const payload = inLargerPiece(Buffer.from('what'));
  retained.set({ name: 'a', payload, qos: 1, properties, publisher: undefined });
  const [kept] = retained.matching(parseFilter('a'));
  assertAlone(kept?.payload, 'what');
  assertAlone(kept?.properties.correlationData, 'which');
  assert.equal(kept?.properties.contentType, 't');
});

test('of a CONNECT its will is kept, and nothing that came with it', () => {
  const will = { topic: 'w', payload: Buffer.from('gone'), qos: 1, retain: false } as const;
  const properties = { correlationData: Buffer.from('which') };
  const bytes = bytesOf({
    ...{ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clientId: 'c', clean: true, keepalive: 0 },
    will: { ...will, properties },
  });
  const connect = decode(0x10, inLargerPiece(bytes.subarray(2)), undefined);
  assert.ok(connect.type === 'connect');
  assertAlone(connect.will?.payload, 'gone');
  assertAlone(connect.will?.properties.correlationData, 'which');
});
