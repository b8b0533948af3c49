import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collectGarbage, heldBytes } from './process-memory.ts';

const MEBIBYTE = 1024 * 1024;

test('what is held is counted, and what is not any more is taken away when it is asked for', () => {
  collectGarbage();
  const before = heldBytes();
  let held: Uint8Array[] = Array.from({ length: 50 }, () => new Uint8Array(MEBIBYTE));
  assert.ok(heldBytes() - before >= held.length * MEBIBYTE * 0.9);
  held = [];
  collectGarbage();
  assert.ok(heldBytes() - before < 10 * MEBIBYTE, String(held.length));
});
