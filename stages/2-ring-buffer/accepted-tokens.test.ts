import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AcceptedTokens, type LeaseClaim } from './accepted-tokens.ts';

function claimOf(offset: number, token = `t${offset}`): LeaseClaim {
  return { offset, memberId: 'ann', token };
}

function rememberAll(countMax: number, offsets: readonly number[]): AcceptedTokens {
  const tokens = new AcceptedTokens(countMax);
  for (const offset of offsets) tokens.remember(claimOf(offset), false);
  return tokens;
}

function knownTo(tokens: AcceptedTokens): number[] {
  return Array.from({ length: 10 }, (_, offset) => offset).filter((offset) => tokens.find(claimOf(offset)));
}

test('the last tokens are known, an older one, a wrong one and a strange member are not', () => {
  const tokens = rememberAll(3, [0, 1, 2, 3, 4]);
  assert.deepEqual(knownTo(tokens), [2, 3, 4]);
  assert.equal(tokens.find(claimOf(4, 't3')), undefined);
  assert.equal(tokens.find({ ...claimOf(4), memberId: 'bob' }), undefined);
});

test('it remembers whether an ack was cumulative', () => {
  const tokens = new AcceptedTokens(3);
  tokens.remember(claimOf(1), false);
  tokens.remember(claimOf(2), true);
  assert.deepEqual([tokens.find(claimOf(1))?.isCumulative, tokens.find(claimOf(2))?.isCumulative], [false, true]);
});

test('a seek forgets the tokens from its target on and keeps those below, in their order', () => {
  const tokens = rememberAll(4, [9, 8, 1, 6, 0, 2]);
  tokens.forgetFrom(2);
  assert.deepEqual(knownTo(tokens), [0, 1]);
  for (const offset of [3, 4]) tokens.remember(claimOf(offset), false);
  assert.deepEqual(knownTo(tokens), [0, 1, 3, 4]);
  tokens.remember(claimOf(5), false);
  assert.deepEqual(knownTo(tokens), [0, 3, 4, 5], 'the oldest, 1, went first');
});

test('an offset that is accepted again after a seek keeps its new token for as long as any other', () => {
  const tokens = new AcceptedTokens(2);
  tokens.remember(claimOf(7, 'old'), false);
  tokens.forgetFrom(0);
  tokens.remember(claimOf(7, 'new'), false);
  tokens.remember(claimOf(8), false);
  assert.ok(tokens.find(claimOf(7, 'new')));
  assert.equal(tokens.find(claimOf(7, 'old')), undefined);
  tokens.remember(claimOf(9), false);
  assert.equal(tokens.find(claimOf(7, 'new')), undefined);
});
