/** What is sent through one door is read through each other one, and docs/interop.md says what came of it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { DOORS, differencesOf, KINDS, runInterop, SAMPLES } from './testing/interop.ts';
import { pageOf } from './testing/interop-page.ts';

const PAGE = new URL('../../../docs/interop.md', import.meta.url);

test('messages sent through one door are the same through each other one, and the page says so', async () => {
  const cells = await runInterop();
  assert.equal(cells.length, KINDS.length * DOORS.length ** 2);
  const different = cells.filter(({ differences }) => differences.length > 0);
  assert.deepEqual(different, []);
  const withoutId = cells.filter(({ hasNoId }) => hasNoId);
  assert.deepEqual(new Set(withoutId.map(({ to }) => to)), new Set(['MQTT']));
  assert.equal(readFileSync(PAGE, 'utf8'), pageOf(cells, DOORS), 'write it again: node .../doors/testing/interop.ts');
});

test('a message that is not as it was sent is noticed, in each of its parts', () => {
  const [sample] = SAMPLES;
  assert.ok(sample);
  const { correlationId, headers } = sample;
  const same = { id: 'x-1', body: Buffer.from(sample.body), correlationId, headers };
  const noticed = (seen: typeof same | undefined) => differencesOf({ sample, id: 'x-1', seen });
  assert.deepEqual(noticed(same), []);
  assert.deepEqual(noticed({ ...same, id: 'x-2' }), ['id x-2 is x-1 to others']);
  assert.deepEqual(noticed({ ...same, body: Buffer.from('black tea') }), ['body']);
  assert.deepEqual(noticed({ ...same, correlationId: '' }), ['correlation id']);
  assert.deepEqual(noticed({ ...same, headers: { ...headers, color: 'red' } }), ['header color: red instead of blue']);
  assert.deepEqual(noticed(undefined), ['did not come']);
});
