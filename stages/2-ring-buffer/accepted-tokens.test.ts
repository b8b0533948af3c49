import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AcceptedTokens } from './accepted-tokens.ts';

test('the last tokens are known, an older one and a wrong one are not', () => {
  const tokens = new AcceptedTokens(3);
  for (let offset = 0; offset < 5; offset += 1) tokens.remember({ offset, token: `t${offset}` });
  const known = [0, 1, 2, 3, 4].filter((offset) => tokens.has({ offset, token: `t${offset}` }));
  assert.deepEqual(known, [2, 3, 4]);
  assert.ok(!tokens.has({ offset: 4, token: 't3' }));
  assert.ok(!tokens.has({ offset: 9, token: 't9' }));
});

test('a seek forgets the tokens from its target on and keeps those below', () => {
  const tokens = new AcceptedTokens(4);
  for (const offset of [0, 1, 2]) tokens.remember({ offset, token: `t${offset}` });
  tokens.forgetFrom(1);
  assert.deepEqual(
    [0, 1, 2].map((offset) => tokens.has({ offset, token: `t${offset}` })),
    [true, false, false],
  );
});

test('an offset that is accepted again after a seek keeps its new token for as long as any other', () => {
  const tokens = new AcceptedTokens(2);
  tokens.remember({ offset: 7, token: 'old' });
  tokens.forgetFrom(0);
  tokens.remember({ offset: 7, token: 'new' });
  tokens.remember({ offset: 8, token: 'next' }); // takes the place of "old", which must not take "new" along
  assert.ok(tokens.has({ offset: 7, token: 'new' }));
  assert.ok(!tokens.has({ offset: 7, token: 'old' }));
  tokens.remember({ offset: 9, token: 'last' });
  assert.ok(!tokens.has({ offset: 7, token: 'new' }));
});
