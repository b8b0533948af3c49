import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { Credentials } from '../../../shared/admission.ts';
import { VirtualClock } from '../../../shared/clock.ts';
import { isMqError } from '../../../shared/contract/errors.ts';
import { Authenticator } from './authenticator.ts';
import { FailedAttempts, networkOf } from './failed-attempts.ts';
import { deriveWithScrypt, isRight, recordOf } from './passwords.ts';
import { quickDerive } from './testing/quick-derive.ts';
import { checkUsers } from './users.ts';

const FINGERPRINT = Array.from({ length: 32 }, () => 'AB').join(':');
const from = (address = '10.0.0.1') => ({ door: 'http', address });
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

async function authenticator(options: { readonly anonymous?: boolean } = {}) {
  const clock = new VirtualClock();
  const quick = quickDerive();
  const users = checkUsers({
    users: {
      shop: { password: await quick.recordOf('right'), tokens: { ci: sha256('shop-token') } },
      robot: { tokens: { a: sha256('robot-a'), b: sha256('robot-b') }, certificates: [{ fingerprint: FINGERPRINT }] },
      host: { certificates: [{ subject: 'host.example' }] },
    },
    ...(options.anonymous && { anonymous: { rules: [] } }),
  });
  return { clock, quick, users, desk: new Authenticator({ users, clock, derive: quick.derive }) };
}

/** The whole of a refusal, to be compared. */
async function refusalOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    assert.ok(isMqError(error), String(error));
    return `${error.code} ${error.message} ${JSON.stringify(error.details)}`;
  }
  throw new Error('it was not refused');
}

test('a token, also one said as a password, a password and a certificate each say who it is', async () => {
  const { desk } = await authenticator();
  const certificate = { subject: 'host.example', fingerprint: '00' };
  const shown: readonly (readonly [Credentials, string])[] = [
    [{ token: 'shop-token' }, 'shop'],
    [{ token: 'robot-b' }, 'robot'],
    [{ user: 'shop', password: 'right' }, 'shop'],
    [{ certificate }, 'host'],
    [{ certificate: { subject: 'host.example', fingerprint: FINGERPRINT } }, 'robot'],
    [{ token: 'shop-token', certificate }, 'shop'],
    [{ user: 'me', password: 'robot-a' }, 'robot'],
    [{ user: 'shop', password: 'robot-a' }, 'robot'],
    [{ password: 'shop-token' }, 'shop'],
  ];
  for (const [credentials, name] of shown) assert.equal(await desk.nameOf(credentials, from()), name);
});

test('whatever is wrong is refused with the same words, and a password after one derivation each', async () => {
  const { desk, quick } = await authenticator();
  const wrong: readonly Credentials[] = [
    { user: 'shop', password: 'wrong' },
    { user: 'shop', password: '' },
    { user: 'shop' },
    { user: 'shop', password: 'right\0' },
    { user: 'shop\0', password: 'right' },
    { user: 'nobody', password: 'right' },
    { user: 'robot', password: 'right' },
    { user: '__proto__', password: 'right' },
    { password: 'right' },
    { user: 'shop', password: 'x'.repeat(5000) },
  ];
  const refusals = new Set<string>();
  for (const [index, credentials] of wrong.entries()) {
    refusals.add(await refusalOf(desk.nameOf(credentials, from(`10.0.0.${index}`))));
    assert.equal(quick.count(), index + 1);
  }
  refusals.add(await refusalOf(desk.nameOf({ token: 'robot-c' }, from('10.1.0.0'))));
  refusals.add(await refusalOf(desk.nameOf({ certificate: { subject: 'x', fingerprint: 'y' } }, from('10.1.0.1'))));
  assert.deepEqual([...refusals], ['MQ_UNAUTHORIZED these credentials are not valid {}']);
});

test('who shows nothing is the anonymous one, where there is one, and is not counted as a guess', async () => {
  const open = await authenticator({ anonymous: true });
  assert.equal(await open.desk.nameOf({}, from()), 'anonymous');
  const { desk } = await authenticator();
  for (let time = 0; time < 20; time += 1) {
    assert.match(await refusalOf(desk.nameOf({}, from())), /^MQ_UNAUTHORIZED this broker asks for a token/);
  }
});

test('wrong credentials make their address wait; others, right tokens and known passwords from there do not', async () => {
  const { desk, clock, quick } = await authenticator();
  await desk.nameOf({ user: 'shop', password: 'right' }, from());
  for (let time = 0; time < 5; time += 1) await refusalOf(desk.nameOf({ user: 'shop', password: `${time}` }, from()));
  const derived = quick.count();
  const told = await refusalOf(desk.nameOf({ user: 'shop', password: 'guess' }, from()));
  assert.match(told, /^MQ_RATE_LIMITED .* {"retryAfterMs":5000}$/);
  assert.match(await refusalOf(desk.nameOf({ token: 'guess' }, from())), /^MQ_RATE_LIMITED/);
  assert.equal(quick.count(), derived, 'a guess that has to wait costs us nothing');
  assert.equal(await desk.nameOf({ token: 'shop-token' }, from()), 'shop');
  assert.equal(await desk.nameOf({ user: 'shop', password: 'right' }, from()), 'shop');
  assert.match(await refusalOf(desk.nameOf({ user: 'shop', password: 'no' }, from('10.0.0.2'))), /^MQ_UNAUTHORIZED/);
  await clock.pass(5000);
  assert.match(await refusalOf(desk.nameOf({ user: 'shop', password: 'guess' }, from())), /^MQ_UNAUTHORIZED/);
  assert.match(await refusalOf(desk.nameOf({ user: 'shop', password: 'guess' }, from())), /^MQ_RATE_LIMITED/);
});

test('that a password was right somewhere else is of no use to who guesses and has to wait', async () => {
  const { desk } = await authenticator();
  const right = { user: 'shop', password: 'right' };
  await desk.nameOf(right, from('10.0.0.9'));
  for (let time = 0; time < 5; time += 1) await refusalOf(desk.nameOf({ user: 'shop', password: `${time}` }, from()));
  assert.match(await refusalOf(desk.nameOf(right, from())), /^MQ_RATE_LIMITED/);
  assert.equal(await desk.nameOf(right, from('10.0.0.9')), 'shop');
});

test('a right password is derived once a minute, however often and however many at once show it', async () => {
  const { desk, clock, quick } = await authenticator();
  const shown = { user: 'shop', password: 'right' };
  await Promise.all(Array.from({ length: 50 }, () => desk.nameOf(shown, from())));
  assert.equal(quick.count(), 1);
  await clock.pass(59_000);
  await desk.nameOf(shown, from());
  assert.equal(quick.count(), 1);
  await clock.pass(1000);
  await desk.nameOf(shown, from());
  assert.equal(quick.count(), 2);
});

test('only so many are derived at once, for one address and in all; the others are told to come back', async () => {
  const { desk, quick } = await authenticator();
  const release = quick.hold();
  const guess = (index: number, address: string): Promise<string> =>
    refusalOf(desk.nameOf({ user: 'shop', password: `guess ${index}` }, from(address)));
  const sameAddress = [0, 1, 2].map((index) => guess(index, '10.0.0.1'));
  assert.match((await sameAddress[2]) ?? '', /^MQ_RATE_LIMITED/);
  const others = Array.from({ length: 100 }, (_, index) => guess(10 + index, `10.2.0.${index}`));
  assert.match((await others[99]) ?? '', /^MQ_RATE_LIMITED/);
  assert.ok(quick.count() <= 2, 'two at once');
  release();
  const ends = await Promise.all([...sameAddress, ...others]);
  assert.equal(ends.filter((text) => text.startsWith('MQ_RATE_LIMITED')).length, 1 + 36);
});

test('with new users old passwords are not known any more, not even one that is just being proven', async () => {
  const { desk, quick, users } = await authenticator();
  const shown = { user: 'shop', password: 'right' };
  await desk.nameOf(shown, from());
  const changed = checkUsers({ users: { shop: { password: await quick.recordOf('new') } } });
  const release = quick.hold();
  desk.replaceUsers(users);
  const proving = desk.nameOf(shown, from());
  desk.replaceUsers(changed);
  release();
  await proving;
  assert.match(await refusalOf(desk.nameOf(shown, from())), /^MQ_UNAUTHORIZED/);
  assert.equal(await desk.nameOf({ user: 'shop', password: 'new' }, from()), 'shop');
  assert.match(await refusalOf(desk.nameOf({ token: 'shop-token' }, from())), /^MQ_UNAUTHORIZED/);
});

test('so many addresses are remembered and no more; of IPv6 a whole network is one', () => {
  const clock = new VirtualClock();
  const attempts = new FailedAttempts({ clock, addressesCountMax: 100, attemptsMax: 1 });
  attempts.note('first');
  for (let index = 0; index < 1000; index += 1) attempts.note(`10.0.${index >> 8}.${index & 255}`);
  assert.equal(attempts.addressCount, 100);
  assert.equal(attempts.waitMs('first'), 0);
  assert.ok(attempts.waitMs('10.0.3.231') > 0);
  assert.equal(networkOf('2001:db8:0:1:aaaa::1'), networkOf('2001:DB8::1:ffff:0:0:2'));
  assert.notEqual(networkOf('2001:db8:0:1::1'), networkOf('2001:db8:0:2::1'));
  assert.equal(networkOf('::ffff:10.0.0.1'), '10.0.0.1');
  assert.equal(networkOf('::1'), '0:0:0:0::/64');
});

test('scrypt proves a password, in any normal form, and no other; the record says what it cost', async () => {
  const record = await recordOf('caf\u00e9');
  assert.deepEqual([record.cost, record.blockSize, record.parallelization], [32_768, 8, 1]);
  assert.ok(await isRight('cafe\u0301', record, deriveWithScrypt));
  assert.ok(!(await isRight('cafe', record, deriveWithScrypt)));
  for (const none of ['', 'a\0b', 'x'.repeat(1025), '\ud800']) {
    await assert.rejects(recordOf(none), { code: 'MQ_INVALID_ARGUMENT' });
  }
});
