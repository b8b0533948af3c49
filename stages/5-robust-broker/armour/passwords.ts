/**
 * Passwords as they are kept: not at all. What is kept is what scrypt makes of one, with its salt and its cost beside it, so
 * that the cost can grow and old ones stay valid.
 *
 *     { cost: 32768, blockSize: 8, parallelization: 1, salt: "...", digest: "..." }        salt and digest in base64url
 *
 * Always true: digests are compared in constant time; a password appears in no message. Deriving takes tens of milliseconds
 * and tens of megabytes on purpose, in a thread of its own.
 */
import { scrypt, timingSafeEqual } from 'node:crypto';
import { invalidArgument } from '../../../shared/contract/validation.ts';
import { SystemRandom } from '../../../shared/random.ts';
import { checkedObject } from './checked-object.ts';

/** What scrypt is to cost. */
export interface ScryptCost {
  /** N, a power of two. */
  readonly cost: number;
  /** r. */
  readonly blockSize: number;
  /** p. */
  readonly parallelization: number;
}

/** What is kept of one password. */
export interface PasswordRecord extends ScryptCost {
  readonly salt: string;
  readonly digest: string;
}

/** scrypt, or what a test puts in its place. */
export type Derive = (password: string, salt: Uint8Array, cost: ScryptCost) => Promise<Uint8Array>;

/** 32 MiB and some tens of milliseconds. */
export const SCRYPT_COST: ScryptCost = Object.freeze({ cost: 2 ** 15, blockSize: 8, parallelization: 1 });
const SALT_BYTES = 16;
const DIGEST_BYTES = 32;
/** A password longer than this is none. */
const PASSWORD_BYTES_MAX = 1024;
const MEBIBYTE = 1024 * 1024;
/** What one derivation may take: 128 x cost x blockSize bytes. */
const DERIVE_BYTES_MAX = 64 * MEBIBYTE;

export const deriveWithScrypt: Derive = (password, salt, { cost, blockSize, parallelization }) =>
  new Promise((resolve, reject) => {
    const options = { cost, blockSize, parallelization, maxmem: 2 * DERIVE_BYTES_MAX };
    scrypt(password.normalize('NFC'), salt, DIGEST_BYTES, options, (error, digest) => {
      if (error === null) resolve(digest);
      else reject(error);
    });
  });

/** True for what can be a password: 1 to 1,024 bytes without NUL. */
export function isPassword(text: unknown): text is string {
  if (typeof text !== 'string' || text === '' || text.includes('\0') || !text.isWellFormed()) return false;
  return Buffer.byteLength(text.normalize('NFC')) <= PASSWORD_BYTES_MAX;
}

export async function recordOf(password: string, derive: Derive = deriveWithScrypt): Promise<PasswordRecord> {
  if (!isPassword(password)) throw invalidArgument('password', `1 to ${PASSWORD_BYTES_MAX} bytes without NUL`);
  const salt = Buffer.from(new SystemRandom().hex(SALT_BYTES), 'hex'); // a seed would make salts that can be guessed
  const digest = await derive(password, salt, SCRYPT_COST);
  return { ...SCRYPT_COST, salt: salt.toString('base64url'), digest: Buffer.from(digest).toString('base64url') };
}

/** Takes as long for a wrong password as for the right one. */
export async function isRight(password: string, record: PasswordRecord, derive: Derive): Promise<boolean> {
  const digest = await derive(password, Buffer.from(record.salt, 'base64url'), record);
  return timingSafeEqual(digest, Buffer.from(record.digest, 'base64url'));
}

/** A record that no password is right for, at the usual cost: for who is not there, so that nobody can tell. */
export const NOBODYS_RECORD: PasswordRecord = Object.freeze({
  ...SCRYPT_COST,
  salt: Buffer.alloc(SALT_BYTES).toString('base64url'),
  digest: Buffer.alloc(DIGEST_BYTES).toString('base64url'),
});

/** What a file has as a record, checked. */
export function checkPasswordRecord(path: string, value: unknown): PasswordRecord {
  const known = ['cost', 'blockSize', 'parallelization', 'salt', 'digest'];
  const { cost, blockSize, parallelization, salt, digest } = checkedObject(path, value, known);
  const isWhole = (number: unknown, max: number): number is number =>
    Number.isSafeInteger(number) && (number as number) >= 1 && (number as number) <= max;
  if (!isWhole(cost, 2 ** 20) || cost < 2 ** 10 || (cost & (cost - 1)) !== 0) {
    throw invalidArgument(`${path}.cost`, 'a power of two from 1024 to 1048576', cost);
  }
  if (!isWhole(blockSize, 32)) throw invalidArgument(`${path}.blockSize`, 'a whole number from 1 to 32', blockSize);
  if (!isWhole(parallelization, 8)) {
    throw invalidArgument(`${path}.parallelization`, 'a whole number from 1 to 8', parallelization);
  }
  if (128 * cost * blockSize > DERIVE_BYTES_MAX) {
    throw invalidArgument(`${path}.cost`, `so small that 128 x cost x blockSize is at most ${DERIVE_BYTES_MAX}`, cost);
  }
  return {
    ...{ cost, blockSize, parallelization },
    salt: checkBytes(`${path}.salt`, salt, { min: 8, max: 64 }),
    digest: checkBytes(`${path}.digest`, digest, { min: DIGEST_BYTES, max: DIGEST_BYTES }),
  };
}

/** The value is not shown: it is half of a secret. */
function checkBytes(
  path: string,
  value: unknown,
  { min, max }: { readonly min: number; readonly max: number },
): string {
  const length = typeof value === 'string' && /^[\w-]+$/.test(value) ? Buffer.from(value, 'base64url').length : -1;
  if (length < min || length > max) {
    throw invalidArgument(path, `${min === max ? min : `${min} to ${max}`} bytes in base64url`);
  }
  return value as string;
}
