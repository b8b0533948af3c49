import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { isMqError } from '../../../shared/contract/errors.ts';
import { LIMITS } from '../../../shared/contract/limits.ts';
import { changed, IDS, refuses, withBlock } from '../testing/crafted-batch.ts';
import { checkContent } from './batch-check.ts';
import { CODECS } from './compression.ts';
import { AT, encodeBatch } from './record-batch.ts';

describe('a compressed batch', () => {
  const bomb = new Uint8Array(64 * 1024 * 1024);

  test('that is a bomb stops at what it declares, and at the limit', () => {
    for (const [codec, compressed] of [
      ['gzip', gzipSync(bomb)],
      ['zstd', zstdCompressSync(bomb)],
    ] as const) {
      refuses(withBlock(compressed, { codec, recordsBytes: 1000 }), 'V16');
      assert.throws(
        () => checkContent(withBlock(compressed, { codec, recordsBytes: bomb.length }), LIMITS),
        (error) => isMqError(error, 'MQ_BATCH_TOO_LARGE'),
      );
      assert.throws(
        () => checkContent(withBlock(compressed, { codec, recordsBytes: 0xffffffff }), LIMITS),
        (error) => isMqError(error, 'MQ_BATCH_TOO_LARGE'),
      );
    }
  });

  test('that is cut off, of another codec, or no such thing is refused', () => {
    const messages = Array.from({ length: 50 }, () => ({ body: new Uint8Array(100) }));
    for (const codec of ['gzip', 'zstd'] as const) {
      const good = encodeBatch(messages, { codec, ...IDS });
      assert.ok(good.length < 500 && checkContent(good, LIMITS).count === 50);
      refuses(
        changed(good.subarray(0, -3), () => undefined),
        'V16',
      );
      const other = codec === 'gzip' ? CODECS.zstd : CODECS.gzip;
      refuses(
        changed(good, (bytes) => bytes.fill(other, AT.codec, AT.codec + 1)),
        'V16',
      );
      refuses(
        changed(good, (bytes) => bytes.fill(CODECS.none, AT.codec, AT.codec + 1)),
        'V16',
      );
      refuses(
        changed(good, (bytes) => bytes.fill(0x55, 70)),
        'V16',
      );
      refuses(
        changed(Buffer.concat([good, Buffer.from('rest')]), () => undefined),
        'V16',
      );
    }
  });

  test('is compressed only when that makes it smaller', () => {
    const noise = Uint8Array.from({ length: 200 }, (_, index) => (index * 7919 * (index + 3)) % 251);
    const batch = encodeBatch([{ body: noise }], { codec: 'zstd', ...IDS });
    assert.equal(batch[AT.codec], CODECS.none);
  });

  test('of JSON-like messages has at most 40 % of the bytes with zstd', () => {
    const messages = Array.from({ length: 500 }, (_, index) => ({
      body: new TextEncoder().encode(
        JSON.stringify({
          order: 1000 + index,
          customer: `c-${(index * 7919) % 997}`,
          total: index * 3.75,
          paid: index % 3 === 0,
        }),
      ),
    }));
    const plain = encodeBatch(messages, IDS).length;
    assert.ok(encodeBatch(messages, { codec: 'zstd', ...IDS }).length <= 0.4 * plain);
  });
});
